import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { Certificates } from './certificates.js';
import { freePort, startProgram, type Program } from './program.js';

type Value = Readonly<{ stringValue?: string; intValue?: string; boolValue?: boolean }>;
type Attribute = Readonly<{ key: string; value: Value }>;
export type LogRecord = Readonly<{
  timeUnixNano: string;
  severityNumber: number;
  eventName?: string;
  traceId?: string;
  body: Value;
  attributes: readonly Attribute[];
}>;
type Line = Readonly<{
  resourceLogs: readonly Readonly<{
    resource: Readonly<{ attributes: readonly Attribute[] }>;
    scopeLogs: readonly Readonly<{ logRecords: readonly LogRecord[] }>[];
  }>[];
}>;

export type Collector = Readonly<{
  url: string;
  records: () => readonly LogRecord[];
  resources: () => readonly (readonly Attribute[])[];
  program: Program;
  stop: () => Promise<void>;
}>;

/** An attribute's value, whichever it is. */
export const attributeOf = ({ attributes }: LogRecord, name: string): unknown =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];

/** The OpenTelemetry project's collector: OTLP in, a file of its JSON out. With TLS it wants a client certificate. */
export const startCollector = async (certificates?: Certificates): Promise<Collector> => {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'toolgate-collector-'))];
  const [out, configFile] = [join(folder, 'out.ndjson'), join(folder, 'config.yaml')];
  const security = certificates && {
    cert_file: certificates.server.certFile,
    key_file: certificates.server.keyFile,
    client_ca_file: certificates.caFile,
  };
  // YAML takes JSON.
  const http = JSON.stringify({ endpoint: `127.0.0.1:${port}`, ...(security === undefined ? {} : { tls: security }) });
  await writeFile(
    configFile,
    `receivers: { otlp: { protocols: { http: ${http} } } }
exporters:
  file: { path: ${out}, flush_interval: 100ms }
service:
  pipelines: { logs: { receivers: [otlp], exporters: [file] } }
`,
  );
  const program = await startProgram({
    command: inject('receivers').collector,
    args: [`--config=file:${configFile}`],
    port,
  });
  const lines = (): readonly Line[] => {
    const text = existsSync(out) ? readFileSync(out, 'utf8') : '';
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  };
  const resourceLogs = () => lines().flatMap((line) => line.resourceLogs);
  return {
    url: `${certificates === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    records: () => resourceLogs().flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
    resources: () => resourceLogs().map(({ resource }) => resource.attributes),
    program,
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
