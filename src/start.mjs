/**
 * What npm's scripts run: builds what is stale, then runs it in this same process.
 *
 *   node src/start.mjs [--build-only | --run <name>] [arguments for the program]
 *
 * A build is fresh when `dist/.stamp.json` holds the fingerprint (contents, not times) of all that goes into it and
 * every output is there. The stamp is removed before anything is written and written after all else, so that a half-
 * written build never passes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');
const dist = join(root, 'dist');
const stampFile = join(dist, '.stamp.json');
const lockFile = join(dist, '.building');
const consoleFolder = join(src, 'console');
const consoleStampFile = join(dist, '.console-stamp.json');
const HEARTBEAT_MS = 1000;
const SILENT_MS = 5000;

const say = (text) => process.stderr.write(`${text}\n`);

class Refusal extends Error {}

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();

const sourceFiles = () =>
  files(src)
    .map((file) => file.slice(src.length + 1))
    .filter((name) => name !== 'start.mjs' && !name.endsWith('.md') && !isOfConsole(name));

/** The console has a build of its own, into dist/console. */
const isOfConsole = (name) => name.startsWith(join('console', '/'));

/** The outputs of one source file, below dist/. */
const outputs = (name) =>
  name.endsWith('.d.ts') || name.endsWith('.d.mts')
    ? []
    : name.endsWith('.ts')
      ? [name.replace(/\.ts$/, '.js')]
      : [name];

/** The node version is left out: what the compiler writes doesn't depend on it. */
const fingerprint = (sources) =>
  hashOf([...sources.map((name) => join('src', name)), 'src/start.mjs', 'tsconfig.json', 'package-lock.json']);

/** Types are left out: what the console's build writes doesn't depend on them. */
const consoleFingerprint = () =>
  existsSync(join(consoleFolder, 'build.mjs'))
    ? hashOf([
        ...files(consoleFolder)
          .map((file) => file.slice(root.length))
          .filter((name) => !name.endsWith('.d.ts')),
        'package-lock.json',
      ])
    : undefined;

function hashOf(names) {
  const hash = createHash('sha256');
  for (const file of names) {
    const path = join(root, file);
    const content = existsSync(path) ? readFileSync(path) : '';
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

const readStamp = (file = stampFile) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

const complete = (sources) => sources.flatMap(outputs).every((name) => existsSync(join(dist, name)));

const isFresh = (sources, wanted) => readStamp()?.fingerprint === wanted && complete(sources);

const isConsoleFresh = (wanted) =>
  wanted === undefined ||
  (readStamp(consoleStampFile)?.fingerprint === wanted && existsSync(join(dist, 'console', 'build.json')));

function writeStamp(content, file = stampFile) {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, JSON.stringify(content));
  renameSync(aside, file);
}

/** An owner that has not written its pid yet counts as running. */
function isRunning(pid) {
  try {
    return pid === '' || process.kill(Number(pid), 0);
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/**
 * One builder at a time: true when this process is it, false when another one has just finished. A builder touches its
 * lock every second; one that is gone, or silent for 5 s, is dead. Two at once, should it come to that, write the same
 * files.
 */
async function becomeBuilder() {
  mkdirSync(dist, { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return !waited;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!waited) say('Another process is building; waiting for it …');
    const touched = statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - touched > SILENT_MS || !isRunning(existsSync(lockFile) ? readFileSync(lockFile, 'utf8') : ''))
      rmSync(lockFile, { force: true });
    await sleep(100);
  }
}

/**
 * The compiler leaves dist/ as it was when a type is wrong; its own memory of what is built (.tsbuildinfo) counts only
 * beside a stamp.
 */
async function build(sources, wanted) {
  if (readStamp() === undefined) clear();
  rmSync(stampFile, { force: true });
  const typescript = sources.filter((name) => name.endsWith('.ts'));
  let built = await compile();
  if (built && !complete(typescript)) {
    // Somebody removed outputs that the compiler remembers as written.
    clear();
    built = (await compile()) && complete(typescript);
  }
  if (!built) {
    writeStamp({ failed: true });
    throw new Refusal('The build failed; nothing was started.');
  }
  const keep = new Set(sources.flatMap(outputs).flatMap((name) => [name, `${name}.map`]));
  for (const file of files(dist)) {
    const name = file.slice(dist.length + 1);
    if (!name.startsWith('.') && !isOfConsole(name) && !keep.has(name)) rmSync(file, { force: true });
  }
  for (const name of sources.filter((name) => !name.endsWith('.ts'))) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    cpSync(join(src, name), join(dist, name));
  }
  writeStamp({ fingerprint: wanted });
}

async function buildConsole(wanted) {
  rmSync(consoleStampFile, { force: true });
  const [code, signal] = await runNode([join(consoleFolder, 'build.mjs'), join(dist, 'console')]);
  if (code !== 0)
    throw new Refusal(
      `The console could not be built (${signal ?? code}); nothing was started. Run "npm ci" if packages are missing.`,
    );
  writeStamp({ fingerprint: wanted }, consoleStampFile);
}

/** Both at once, where both are stale: the compiler keeps one core busy. */
async function buildStale(stale) {
  const began = Date.now();
  say('Building Toolgate …');
  const done = await Promise.allSettled(stale.map((build) => build()));
  const failed = done.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  say(`Built in ${((Date.now() - began) / 1000).toFixed(1)} s.`);
}

function clear() {
  const kept = [lockFile, consoleStampFile, join(dist, 'console')];
  for (const name of readdirSync(dist)) {
    if (!kept.includes(join(dist, name))) rmSync(join(dist, name), { recursive: true, force: true });
  }
}

async function compile() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const pretty = String(process.stderr.isTTY === true);
  const [code, signal] = await runNode([tsc, '-p', root, '--noEmitOnError', '--pretty', pretty]);
  if (signal !== null) throw new Refusal(`The compiler was stopped (${signal}).`);
  return code === 0;
}

function runNode(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', (...how) => resolve(how)));
}

function beat() {
  if (existsSync(lockFile)) utimesSync(lockFile, new Date(), new Date());
}

async function ensureBuilt() {
  // A release without sources is what it is.
  if (!existsSync(join(root, 'tsconfig.json'))) return;
  for (;;) {
    const sources = sourceFiles();
    const wanted = fingerprint(sources);
    const wantedConsole = consoleFingerprint();
    const stale = [
      ...(isFresh(sources, wanted) ? [] : [() => build(sources, wanted)]),
      ...(isConsoleFresh(wantedConsole) ? [] : [() => buildConsole(wantedConsole)]),
    ];
    if (stale.length === 0) return;
    const mine = await becomeBuilder();
    const heartbeat = setInterval(beat, HEARTBEAT_MS);
    try {
      if (!mine) continue;
      await buildStale(stale);
    } finally {
      clearInterval(heartbeat);
      rmSync(lockFile, { force: true });
    }
  }
}

function readArguments([first, second, ...rest]) {
  if (first === '--build-only') return { name: undefined, rest: [] };
  if (first !== '--run') return { name: 'main', rest: process.argv.slice(2) };
  if (!/^[a-z][a-z-]*$/.test(second ?? '')) throw new Refusal('usage: node src/start.mjs --run <name>');
  return { name: second, rest };
}

async function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Refusal(`Toolgate needs Node 20.19 or later; this is ${process.versions.node}.`);
  if (!existsSync(join(root, 'node_modules'))) throw new Refusal('The packages are missing: run "npm ci" first.');
  const { name, rest } = readArguments(process.argv.slice(2));
  await ensureBuilt();
  if (name === undefined) return undefined;
  const file = join(dist, `${name}.js`);
  if (!existsSync(file)) throw new Refusal(`There is no program "${name}".`);
  process.argv = [process.argv[0], file, ...rest];
  return file;
}

const file = await prepare().catch((error) => {
  if (error.code === 'EROFS' || error.code === 'EACCES')
    say(`The build is stale and can't be renewed here (${error.code}, ${error.path}).`);
  else say(error instanceof Refusal ? error.message : error.stack);
  process.exit(1);
});
if (file !== undefined) await import(pathToFileURL(file).href);
