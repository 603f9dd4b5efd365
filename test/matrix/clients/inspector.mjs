/** The Inspector's command line: a process a request. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serveCommands } from './loop.mjs';

const PROGRAM = fileURLToPath(
  new URL('../../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);
const run = promisify(execFile);

serveCommands(async ({ url, headers = {} }) => {
  const home = await mkdtemp(join(tmpdir(), 'toolgate-inspector-'));
  const ask = async (...args) => {
    const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    const all = [PROGRAM, '--cli', url, '--transport', 'http', ...given, '--format', 'json', ...args];
    const env = { PATH: process.env.PATH, HOME: home, MCP_CATALOG_PATH: join(home, 'catalog.json') };
    const { stdout, stderr } = await run(process.execPath, all, { env, timeout: 60_000 }).catch((error) => error);
    const printed = JSON.parse(stdout || stderr);
    return printed.result ?? printed;
  };
  return {
    about: () => ({}),
    list: async () => (await ask('--method', 'tools/list')).tools,
    call: (name, args) =>
      ask(
        ...['--method', 'tools/call', '--tool-name', name],
        ...Object.entries(args).flatMap(([key, value]) => ['--tool-arg', `${key}=${value}`]),
      ),
    close: () => rm(home, { recursive: true, force: true }),
  };
});
