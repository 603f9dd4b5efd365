import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { KindName } from '../../src/record/log-streams/kind.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { itemsFrom, openKind, sendOnce } from './support/kind.js';
import { freePort, startProgram } from './support/program.js';
import { syslogNgProgram } from './support/syslog-servers.js';

const FOLDER = new URL('../../docs/siem/', import.meta.url).pathname;
/** The pages of destinations: those that the table of README.md links. */
const pages = [...readFileSync(join(FOLDER, 'README.md'), 'utf8').matchAll(/^\| \[[^\]]+\]\((\S+\.md)\)/gm)].map(
  ([, page]) => page!,
);

/** The fenced blocks of a page, without their fences. */
const blocksOf = (page: string, language = ''): readonly string[] =>
  [...readFileSync(join(FOLDER, page), 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, its, text]) =>
    its === language ? [text!] : [],
  );

type Stream = Readonly<{ kind: KindName; format: string; config: Record<string, unknown> }>;
const streamsOf = (page: string): readonly Stream[] => blocksOf(page, 'json').map((text) => JSON.parse(text) as Stream);

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates?.remove());

const clientTls = () => ({ ca: certificates.ca, cert: certificates.client.cert, key: certificates.client.key });

test.each(pages)('what docs/siem/%s says to paste is a log stream that Toolgate takes', async (page) => {
  const streams = streamsOf(page);
  expect(streams.length).toBeGreaterThan(0);
  for (const { kind, config } of streams) {
    const whole = config['tls'] instanceof Object ? { ...config, tls: clientTls() } : config;
    await openKind(kind, whole).close();
  }
});

/** A page's configuration with the paths, the port and the address of this test. */
const configOf = (page: string, begin: string, folder: string, port: number): string =>
  blocksOf(page)
    .find((text) => text.startsWith(begin))!
    .replaceAll('/etc/toolgate/ca.pem', certificates.caFile)
    .replaceAll('/etc/toolgate/server.pem', certificates.server.certFile)
    .replaceAll('/etc/toolgate/server.key', certificates.server.keyFile)
    .replaceAll('/var/log', folder)
    .replaceAll('6514', String(port))
    .replaceAll('0.0.0.0', '127.0.0.1');

const RECEIVERS = [
  {
    page: 'rsyslog.md',
    isHere: inject('receivers').rsyslog !== '',
    begin: 'global(',
    program: (file: string, folder: string) => ({
      command: inject('receivers').rsyslog,
      args: ['-n', '-f', file, '-i', join(folder, 'pid')],
    }),
    around: (config: string, folder: string) => `global(workDirectory="${folder}")\n${config}`,
  },
  {
    page: 'syslog-ng.md',
    isHere: inject('receivers').syslogNg !== '',
    begin: 'options {',
    program: syslogNgProgram,
    around: (config: string) => `@version: 3.38\n${config}`,
  },
] as const;

describe.each(RECEIVERS)('the configuration in docs/siem/$page', ({ page, isHere, begin, program, around }) => {
  test.skipIf(!isHere)('holds every record, the longest too, as a line of JSON', async () => {
    const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'toolgate-page-'))];
    const [log, file] = [join(folder, 'log'), join(folder, 'server.conf')];
    await mkdir(log);
    await writeFile(file, around(configOf(page, begin, log, port), folder));
    const server = await startProgram({ ...program(file, folder), port });
    try {
      const { kind, config } = streamsOf(page)[0]!;
      const items = [...itemsFrom(1, 100), ...itemsFrom(101, 1, { more: { reason: 'é'.repeat(29_000) } })];
      const here = { ...config, host: '127.0.0.1', port, tls: clientTls() };
      expect(await sendOnce(kind, here, { items })).toMatchObject({ outcome: 'accepted' });
      const heard = (): readonly string[] =>
        existsSync(join(log, 'toolgate.ndjson'))
          ? readFileSync(join(log, 'toolgate.ndjson'), 'utf8').trimEnd().split('\n')
          : [];
      await expect.poll(() => heard().length).toBe(items.length);
      expect(heard().map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(
        items.map(({ record }) => record.eventId),
      );
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
