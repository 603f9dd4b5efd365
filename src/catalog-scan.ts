import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readClientConfig, UnreadableConfig } from './control-plane/catalog/scan/client-config.js';
import { readScanArguments, SCAN_USAGE, type ScanRequest } from './control-plane/catalog/scan/scan-arguments.js';
import { scanConfig } from './control-plane/catalog/scan/scan-config.js';
import { scanServer, type ScanTarget } from './control-plane/catalog/scan/scan-server.js';
import { shownText, summaryOfTools, toolTable } from './control-plane/catalog/scan/tool-table.js';
import { shippedEntries } from './control-plane/catalog/shipped.js';
import { makeHttpClient } from './mcp/http-client/http-client.js';
import { openTransports } from './mcp/transports/transports.js';
import type { Forward } from './mcp/upstream/forward.js';
import { makeOutbound } from './platform/outbound/outbound.js';
import { startTimer } from './platform/runtime/guard.js';
import { errorText, muteLog } from './platform/runtime/log.js';
import type { OpenTransport } from './platform/runtime/transport.js';
import { ConfigError, environment, readConfig, type Config } from './platform/settings/config.js';

const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

const EXIT_TIMEOUT_MS = 5000;
const stops: (() => void)[] = [];

/** The way to one server: the guard of outside addresses for a URL, and of commands only this one. */
const forwardFor =
  ({ upstreamAllow }: Config) =>
  (transport: OpenTransport): Forward => {
    const outbound = makeOutbound({ allow: upstreamAllow, ownPorts: () => [] });
    const stdio =
      transport.type === 'stdio'
        ? { allow: [transport.command], variables: Object.keys(transport.env) }
        : { allow: [], variables: [] };
    const transports = openTransports({
      http: makeHttpClient(outbound.connector),
      stdio: { ...stdio, environment: environment(), isolation: undefined },
      isGrantActive: () => true,
    });
    stops.push(transports.stop);
    return transports.forward;
  };

/** A path that the caller gave, from where npm was called. */
const fromCaller = (path: string): string => resolve(environment()['INIT_CWD'] ?? process.cwd(), path);

/** Processes run in a folder of their own, so that a path has to be whole. */
const asPath = (argument: string): string => {
  const path = fromCaller(argument);
  return argument !== '' && existsSync(path) ? path : argument;
};

type OneTarget = Extract<ScanRequest, { target: string }>;

const valueOf = (name: string): string => {
  const value = environment()[name];
  if (value === undefined) throw new Error(`the environment has no variable ${name}`);
  return value;
};

const targetOf = ({ target, args, env, headers }: OneTarget): ScanTarget => {
  if (/^https?:/i.test(target)) {
    const url = new URL(target);
    return {
      transport: { type: /\/sse\/?$/.test(url.pathname) ? 'sse' : 'streamable-http', url },
      headers: Object.fromEntries(headers.map(([name, variable]) => [name, valueOf(variable)])),
    };
  }
  return {
    transport: {
      type: 'stdio',
      command: target.includes('/') ? asPath(target) : target,
      args: args.map(asPath),
      env: Object.fromEntries(env.map((name) => [name, valueOf(name)])),
    },
  };
};

const scanOne = async (request: OneTarget, config: Config): Promise<void> => {
  const target = targetOf(request);
  const found = await scanServer(forwardFor(config)(target.transport), target);
  if (!found.ok) throw new Error(shownText(found.detail, 1000));
  const name = [found.name ?? 'The server', found.version ?? ''].map((text) => shownText(text)).join(' ');
  print([`${name.trim()}: ${summaryOfTools(found.tools)}`, ...(found.detail === null ? [] : [found.detail])]);
  print(['', ...toolTable(found.tools)]);
};

type OneConfig = Extract<ScanRequest, { config: string }>;

const gatewaysOf = ({ publicUrl, port }: Config): readonly string[] => [
  ...(publicUrl === undefined ? [] : [new URL(publicUrl).origin]),
  `http://127.0.0.1:${port}`,
  `http://localhost:${port}`,
];

const scanFile = async ({ config: file, start, gateways }: OneConfig, config: Config): Promise<void> => {
  const read = readClientConfig(await readFile(fromCaller(file), 'utf8'), /\.toml$/i.test(file));
  const lines = await scanConfig({
    config: read,
    gateways: [...gatewaysOf(config), ...gateways],
    entries: await shippedEntries(),
    starting: start ? { forwardFor: forwardFor(config), variables: environment() } : undefined,
  });
  print(lines);
};

/** `npm run catalog:scan`: what a server offers and can do, or what an agent reaches around the gateway. */
const main = async (given: readonly string[]): Promise<void> => {
  const request = readScanArguments(given);
  if (request === undefined) throw new Error(SCAN_USAGE);
  muteLog();
  const config = readConfig(environment());
  await ('config' in request ? scanFile(request, config) : scanOne(request, config));
};

main(process.argv.slice(2)).then(
  () => end(0),
  (error: unknown) => {
    const known = error instanceof ConfigError || error instanceof UnreadableConfig;
    process.stderr.write(`${known ? error.message : errorText(error)}\n`);
    end(1);
  },
);

/** Ends what was started, and gives it the time to end. */
function end(code: number): void {
  for (const stop of stops) stop();
  process.exitCode = code;
  startTimer('catalog_scan', EXIT_TIMEOUT_MS, () => process.exit(code)).unref();
}
