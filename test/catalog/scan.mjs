/**
 * Makes the catalog that a release ships with: installs each package of packages.json in a temporary folder, one at a
 * time and without its install scripts, starts it in a sandbox without network (bubblewrap), and asks it for its tools.
 *
 *   node test/catalog/scan.mjs [folder of answers, kept between runs]
 *
 * Variables are placeholders: none of these servers needs an account to say what it offers. A package that is answered
 * for in the folder is not asked again. Afterwards the answers become src/control-plane/catalog/data/servers.json.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const INSTALL_MS = 200_000;
const ANSWER_MS = 40_000;
const MAX_PAGES = 50;
const root = new URL('../..', import.meta.url).pathname;
const answers = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'toolgate-answers-'));
const say = (text) => process.stderr.write(`${text}\n`);

const readOnly = (...paths) => paths.flatMap((path) => ['--ro-bind-try', path, path]);

/** What a command sees: the system without anybody's files, its package in /app, and no network. */
const sandboxed = (folder, variables, command) => [
  ['--unshare-all', '--die-with-parent', '--new-session', '--clearenv'],
  readOnly('/usr', '/lib', '/lib64', '/bin', '/etc/ssl', '/etc/passwd', '/etc/ld.so.cache', '/etc/alternatives'),
  ['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/home', '--bind', folder, '/app'],
  ['--chdir', '/home', '--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--setenv', 'HOME', '/home'],
  Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]),
  command,
];

const replyTo = ({ id, method }) =>
  method === 'ping' ? { id, result: {} } : { id, error: { code: -32601, message: 'not offered' } };

/** Speaks MCP with a command over its standard streams. */
class Client {
  #waiting = new Map();
  #count = 0;

  constructor(folder, variables, command) {
    this.child = spawn('bwrap', sandboxed(folder, variables, command).flat(), { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child.stdin.on('error', () => undefined);
    this.ended = new Promise((_, reject) => {
      this.child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
      this.child.once('error', reject);
      setTimeout(() => reject(new Error('no answer in time')), ANSWER_MS).unref();
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#read(line));
  }

  ask(method, params) {
    const id = (this.#count += 1);
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#send({ id, method, params });
    return Promise.race([answer, this.ended]);
  }

  tell(method) {
    this.#send({ method });
  }

  #send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  #read(line) {
    if (!line.startsWith('{')) return;
    const message = JSON.parse(line);
    if (message.method === undefined) this.#waiting.get(message.id)?.(message);
    else if (message.id !== undefined) this.#send(replyTo(message));
  }
}

const listTools = async (folder, variables, command) => {
  const client = new Client(folder, variables, command);
  try {
    const clientInfo = { name: 'toolgate-catalog', version: '1' };
    await client.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    client.tell('notifications/initialized');
    const tools = [];
    let cursor;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const { result, error } = await client.ask('tools/list', cursor === undefined ? {} : { cursor });
      if (!result) throw new Error(error?.message ?? 'no tools');
      tools.push(...result.tools);
      cursor = result.nextCursor;
      if (!cursor) break;
    }
    return tools;
  } finally {
    client.ended.catch(() => undefined);
    client.child.kill('SIGKILL');
  }
};

const install = (command, args, cwd) => {
  const { status, stderr } = spawnSync(command, args, { cwd, timeout: INSTALL_MS, encoding: 'utf8' });
  if (status !== 0) throw new Error(`not installed: ${stderr.slice(-200)}`);
};

const ofNpm = (folder, name, version) => {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--omit=dev', '--loglevel=error'];
  install('npm', ['install', ...quiet, '--prefix', folder, `${name}@${version}`], folder);
  const { bin } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'));
  const bins = typeof bin === 'string' ? { [name]: bin } : bin;
  const names = Object.keys(bins);
  const own = names.find((one) => one === name.split('/').pop()) ?? names.find((one) => /mcp|server/.test(one));
  return { command: ['node', join('/app/node_modules', name, bins[own ?? names[0]])] };
};

/** The command of a Python package that is called as the package, else one of a server, else the first. */
const scriptOf = (entryPoints, name) => {
  const [, section = ''] = /\[console_scripts\]([^[]*)/.exec(entryPoints) ?? [];
  const scripts = [...section.matchAll(/^([\w.-]+) ?= ?([\w.]+) ?: ?(\w+)/gm)].map((found) => found.slice(1));
  return scripts.find(([one]) => one === name) ?? scripts.find(([one]) => /mcp|server/.test(one)) ?? scripts[0];
};

const ofPypi = (folder, name, version) => {
  const quiet = ['--quiet', '--only-binary', ':all:', '--disable-pip-version-check', '--no-compile'];
  install('python3', ['-m', 'pip', 'install', ...quiet, '--target', folder, `${name}==${version}`], folder);
  const info = readdirSync(folder).find((one) => one.toLowerCase().startsWith(`${name.replaceAll(/[-.]/g, '_')}-`));
  const [script, module, start] = scriptOf(readFileSync(join(folder, info, 'entry_points.txt'), 'utf8'), name);
  const program =
    `import sys; sys.path.insert(0, '/app'); sys.argv[0] = '${script}'; ` +
    `from ${module} import ${start}; sys.exit(${start}())`;
  return { command: ['python3', '-c', program], script };
};

const placeholders = (text) => {
  const words = text.split(' ').filter((word) => word !== '');
  const isVariable = (word) => /^[A-Z][A-Z0-9_]*=/.test(word);
  const variables = Object.fromEntries(words.filter(isVariable).map((word) => word.split(/=(.*)/).slice(0, 2)));
  return { variables, args: words.filter((word) => !isVariable(word)) };
};

/** A switch of what a server offers is none of what it must be told. */
const isTold = (name) => !name.startsWith('USE_');

const scan = async ([registry, spec, given, summary]) => {
  const [name, version] = [spec.slice(0, spec.lastIndexOf('@')), spec.slice(spec.lastIndexOf('@') + 1)];
  const file = join(answers, `${registry}__${name.replaceAll('/', '__')}.json`);
  if (existsSync(file)) return;
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-scan-'));
  try {
    const { variables, args } = placeholders(given);
    const { command, script } = (registry === 'npm' ? ofNpm : ofPypi)(folder, name, version);
    const tools = await listTools(folder, variables, [...command, ...args]);
    const env = Object.keys(variables).filter(isTold);
    const listedOn = new Date().toISOString().slice(0, 10);
    const answer = { registry, package: name, summary, version, script, args, env, listedOn, tools };
    writeFileSync(file, JSON.stringify(answer));
    say(`${spec}: ${tools.length} tools`);
  } catch (error) {
    say(`${spec}: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

mkdirSync(answers, { recursive: true });
const packages = JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8'));
for (const one of packages) await scan(one);
const target = 'src/control-plane/catalog/data/servers.json';
const { status } = spawnSync('node', ['src/start.mjs', '--run', 'catalog-ship', answers, target], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
