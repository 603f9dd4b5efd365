import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { zip } from '../../../src/platform/runtime/zip.js';
import { unzip } from '../../support/bundles.js';

const folder = mkdtempSync(join(tmpdir(), 'toolgate-zip-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FILES = { 'empty.txt': '', 'text.txt': 'one\ntwo \u00e9\n', 'large.txt': 'a line\n'.repeat(100_000) };

const archive = async (): Promise<Buffer> => {
  const entries = Object.entries(FILES).map(([name, text]) => ({ name, chunks: text.match(/[^]{1,1000}/g) ?? [] }));
  const chunks: Buffer[] = [];
  for await (const chunk of zip(entries, new Date('2026-11-30T12:00:00Z'))) chunks.push(chunk);
  return Buffer.concat(chunks);
};

test('an archive holds its files as they were', async () => {
  const files = [...unzip(await archive())].map(([name, content]) => [name, content.toString()]);
  expect(Object.fromEntries(files)).toEqual(FILES);
});

const PROGRAM = `import json,sys,zipfile
z=zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps({n: z.read(n).decode() for n in z.namelist()}))`;

test.skipIf(spawnSync('python3', ['--version']).status !== 0)(
  'an archive is read by the zip library of Python as well',
  async () => {
    const file = join(folder, 'a.zip');
    writeFileSync(file, await archive());
    const read = execFileSync('python3', ['-c', PROGRAM, file], { maxBuffer: 2 ** 24, encoding: 'utf8' });
    expect(JSON.parse(read)).toEqual(FILES);
  },
);
