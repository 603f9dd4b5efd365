import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

type Run = Readonly<{ code: number | null; out: string; err: string }>;

const root = fileURLToPath(new URL('../../..', import.meta.url));
let project = '';

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'toolgate-start-'));
  mkdirSync(join(project, 'src', 'platform'), { recursive: true });
  for (const name of ['tsconfig.json', 'package.json', 'package-lock.json', 'src/start.mjs'])
    cpSync(join(root, name), join(project, name));
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  source(
    'main.ts',
    `import { word } from './platform/word.js';\nimport { asset } from ` +
      `'./platform/asset.mjs';\nprocess.stdout.write(JSON.stringify([word, asset, ` +
      `process.argv.slice(2)]));\n`,
  );
  source('platform/word.ts', `export const word: string = 'one';\n`);
  source('platform/asset.mjs', `export const asset = 'asset';\n`);
  source('platform/asset.d.mts', 'export const asset: string;\n');
  source('other.ts', `process.stdout.write('other ' + process.argv.slice(2).join());\n`);
});

afterAll(() => rmSync(project, { recursive: true, force: true, maxRetries: 5 }));

const source = (name: string, text: string): void => writeFileSync(join(project, 'src', name), text);
const output = (name: string): string => join(project, 'dist', name);

function begin(...args: string[]): Readonly<{ pid: number; done: Promise<Run> }> {
  const child = spawn(process.execPath, ['src/start.mjs', ...args], { cwd: project, detached: true });
  const text = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (text.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (text.err += data.toString()));
  return {
    pid: child.pid ?? 0,
    done: new Promise((resolve) => child.once('close', (code) => resolve({ code, ...text }))),
  };
}

const start = (...args: string[]): Promise<Run> => begin(...args).done;

test('builds once, then starts without building; arguments reach the program', async () => {
  const first = await start('--flag');
  expect([first.code, first.out]).toEqual([0, '["one","asset",["--flag"]]']);
  expect(first.err).toMatch(/Building Toolgate.*\n.*Built in/);
  const built = statSync(output('main.js')).mtimeMs;
  const second = await start();
  expect(second).toEqual({ code: 0, out: '["one","asset",[]]', err: '' });
  expect(await start('--run', 'other', 'a', 'b')).toEqual({ code: 0, out: 'other a,b', err: '' });
  expect(await start('--build-only')).toEqual({ code: 0, out: '', err: '' });
  expect((await start('--run', 'nothing')).code).toBe(1);
  expect(statSync(output('main.js')).mtimeMs).toBe(built);
});

test('builds again when a source or an asset changed, and drops what has no source any more', async () => {
  source('platform/word.ts', `export const word: string = 'two';\n`);
  source('gone.ts', 'export const gone = 1;\n');
  expect((await start()).out).toBe('["two","asset",[]]');
  expect(existsSync(output('gone.js'))).toBe(true);
  rmSync(join(project, 'src', 'gone.ts'));
  source('platform/asset.mjs', `export const asset = 'changed';\n`);
  expect((await start()).out).toBe('["two","changed",[]]');
  expect(existsSync(output('gone.js'))).toBe(false);
});

test('a type error stops the start with its place, again on the next start, and until it is mended', async () => {
  source('platform/word.ts', `export const word: string = 3;\n`);
  for (const run of [await start(), await start()]) {
    expect([run.code, run.out]).toEqual([1, '']);
    expect(run.err).toMatch(/src\/platform\/word\.ts.*TS2322/);
  }
  source('platform/word.ts', `export const word: string = 'two';\n`);
  expect((await start()).out).toBe('["two","changed",[]]');
});

test('a build killed half-way never passes as fresh, also when the source is as it was before', async () => {
  source('platform/word.ts', `export const word: string = 'three';\n`);
  const killed = begin();
  while (existsSync(output('.stamp.json'))) await sleep(1);
  process.kill(-killed.pid, 'SIGKILL');
  await killed.done;
  writeFileSync(output('platform/word.js'), `export const word = 'half`);
  source('platform/word.ts', `export const word: string = 'two';\n`);
  expect((await start()).out).toBe('["two","changed",[]]');
});

test('outputs that somebody removed are made again', async () => {
  rmSync(output('platform/word.js'));
  expect((await start()).out).toBe('["two","changed",[]]');
});

test('two that start at once on a stale build both run, and one of them builds', async () => {
  source('platform/word.ts', `export const word: string = 'four';\n`);
  const runs = await Promise.all([start(), start(), start()]);
  expect(runs.map((run) => run.out)).toEqual(Array.from({ length: 3 }, () => '["four","changed",[]]'));
  expect(runs.filter((run) => run.err.includes('Built in'))).toHaveLength(1);
  expect(readdirSync(join(project, 'dist'))).not.toContain('.building');
});

test('a fresh build starts without writing anything', async () => {
  const before = readdirSync(join(project, 'dist'), { recursive: true }).map((name) => [
    name,
    statSync(output(String(name))).mtimeMs,
  ]);
  expect((await start()).code).toBe(0);
  const after = readdirSync(join(project, 'dist'), { recursive: true }).map((name) => [
    name,
    statSync(output(String(name))).mtimeMs,
  ]);
  expect(after).toEqual(before);
  expect(readFileSync(output('.stamp.json'), 'utf8')).toMatch(/^\{"fingerprint":"[0-9a-f]{64}"\}$/);
});
