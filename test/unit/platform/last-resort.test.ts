import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guarded, inBackground, internalErrors } from '../../../src/platform/runtime/guard.js';
import { CRASHED } from '../../../src/platform/runtime/last-resort.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'toolgate-last-resort-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
  for (const name of ['guard', 'last-resort', 'log']) {
    const source = readFileSync(join(root, 'src', 'platform', 'runtime', `${name}.ts`), 'utf8');
    writeFileSync(join(folder, `${name}.js`), ts.transpileModule(source, { compilerOptions }).outputText);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program in a process of its own that installed the handler, and answers how it ended. */
const run = (
  program: string,
): Readonly<{ status: number | null; stdout: string; lines: readonly Record<string, unknown>[] }> => {
  const text =
    `import { installLastResort } from './last-resort.js';\nconst drain = async () => { await new ` +
    `Promise((done) => setTimeout(done, 20)); process.stdout.write('drained'); };\n${program}`;
  writeFileSync(join(folder, 'program.js'), text);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['program.js'], { cwd: folder, encoding: 'utf8' });
  return {
    status,
    stdout,
    lines: stderr
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
};

describe('a failure that nothing catches', () => {
  test.each([
    ['an exception', "setTimeout(() => { throw new Error('lost'); }, 1);"],
    ['a rejection', "void Promise.reject(new Error('lost'));"],
  ])('%s is logged once with its stack, lets the process drain, and ends it with a code of its own', (_what, fails) => {
    const { status, stdout, lines } = run(`installLastResort(drain); setInterval(() => {}, 1000); ${fails}`);
    expect({ status, stdout }).toEqual({ status: CRASHED, stdout: 'drained' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'error',
      where: 'process',
      error: 'lost',
      stack: expect.stringContaining('at ') as string,
    });
  });

  test('that comes while the process drains is logged and does not cut that short', () => {
    const { status, stdout, lines } = run(
      "installLastResort(drain); setTimeout(() => { throw new Error('one'); }, 1); setTimeout(() => { " +
        "throw new Error('two'); }, 5);",
    );
    expect({ status, stdout, errors: lines.map(({ error }) => error) }).toEqual({
      status: CRASHED,
      stdout: 'drained',
      errors: ['one', 'two'],
    });
  });

  test('in the draining itself ends the process with that code too', () => {
    expect(run("installLastResort(async () => { throw new Error('two'); }); throw new Error('one');").status).toBe(
      CRASHED,
    );
  });
});

describe('a guarded callback', () => {
  const counted = async (where: string): Promise<number> =>
    (await internalErrors.get()).values.find(({ labels }) => labels['where'] === where)?.value ?? 0;

  test('that throws or rejects ends what it belongs to, is counted, and never throws', async () => {
    const failed: unknown[] = [];
    guarded(
      'test_throws',
      () => {
        throw new Error('x');
      },
      (error) => failed.push(error),
    )();
    guarded(
      'test_rejects',
      () => Promise.reject(new Error('y')),
      (error) => failed.push(error),
    )();
    inBackground('test_background', Promise.reject(new Error('z')), () => {
      throw new Error('second');
    });
    await expect.poll(() => failed.map(String).toSorted()).toEqual(['Error: x', 'Error: y']);
    expect([await counted('test_throws'), await counted('test_rejects')]).toEqual([1, 1]);
    await expect.poll(() => counted('test_background')).toBe(2);
  });
});
