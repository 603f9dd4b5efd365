/** mcporter's command line: a process a request, on the Node that it wants: `node mcporter.mjs NODE CLI`. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serveCommands } from './loop.mjs';

const run = promisify(execFile);
const [node, cli] = process.argv.slice(2);

serveCommands(async ({ url, headers = {} }) => {
  const home = await mkdtemp(join(tmpdir(), 'toolgate-mcporter-'));
  const config = join(home, 'mcporter.json');
  await writeFile(config, JSON.stringify({ mcpServers: { matrix: { baseUrl: url, headers } }, imports: [] }));
  const ask = async (...args) => {
    const env = { PATH: process.env.PATH, HOME: home };
    const all = [cli, '--config', config, ...args];
    const { stdout, stderr } = await run(node, all, { env, cwd: home, timeout: 60_000 }).catch((error) => error);
    const began = stdout.indexOf('{');
    if (began < 0) throw new Error(String(stderr || stdout).slice(0, 500));
    return JSON.parse(stdout.slice(began));
  };
  return {
    about: () => ({}),
    list: async () => (await ask('list', 'matrix', '--schema', '--json')).tools,
    call: (name, args) => ask('call', `matrix.${name}`, '--output', 'json', '--args', JSON.stringify(args)),
    close: () => rm(home, { recursive: true, force: true }),
  };
});
