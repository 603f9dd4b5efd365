import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { inclusionRanges, leafHash } from '../../../src/record/proof/merkle.js';
import { signCheckpoint, signingKeyOf, verifierKeyOf } from '../../../src/record/proof/signed-note.js';
import { growTiles, readRoot, readRoots, TILE_WIDTH } from '../../../src/record/proof/tiles.js';
import { bundleFilesOf, treeOf, verifyBundle, zipOf, type BundleFiles } from '../../support/bundles.js';

const SOURCES = fileURLToPath(new URL('../../proof-verifiers/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'toolgate-verifiers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ORGANIZATION = 'org_01h2xcejqtf2nbrexx3vqjhp41';
const ORIGIN = `toolgate.example/${ORGANIZATION}`;
const key = signingKeyOf(randomBytes(32));
const vkey = verifierKeyOf(ORIGIN, key);
const log = Array.from({ length: 900 }, (_, index) =>
  JSON.stringify({
    id: `evt_${index}`,
    type: 'identity.created',
    organizationId: ORGANIZATION,
    name: `ÄÖ "${index}"`,
    seq: index + 1,
    recordedAt: new Date(Date.UTC(2026, 11, 1) + index * 1000).toISOString(),
  }),
);
const leaves = log.map((line) => leafHash(Buffer.from(line)));

type Case = Readonly<{ kind: 'bundle' | 'proof' | 'tiles'; path: string; vkey: string; leaf?: string }>;

const verdicts = (command: string, args: readonly string[], cases: readonly Case[]): readonly boolean[] => {
  const input = cases.map((one) => `${JSON.stringify(one)}\n`).join('');
  const lines = execFileSync(command, args, { input, encoding: 'utf8', cwd: SOURCES }).trim().split('\n');
  return lines.map((line) => line === 'ok');
};

const hasGo = spawnSync('go', ['version']).status === 0;
const hasPython = spawnSync('python3', ['--version']).status === 0 && spawnSync('openssl', ['version']).status === 0;

/** The verdicts of a program on Go's libraries, which is built once. */
let program = '';
const byGo = (cases: readonly Case[]): readonly boolean[] => {
  if (program === '') {
    program = join(folder, 'verify');
    execFileSync('go', ['build', '-o', program, '.'], { cwd: SOURCES, stdio: 'pipe' });
  }
  return verdicts(program, [], cases);
};
const byPython = (cases: readonly Case[]): readonly boolean[] => verdicts('python3', ['verify.py'], cases);

const edited = (files: BundleFiles, name: string, edit: (text: string) => string): BundleFiles =>
  new Map([...files, [name, Buffer.from(edit(String(files.get(name))))]]);
const stranger = signingKeyOf(randomBytes(32));
const ways: readonly ((files: BundleFiles) => BundleFiles)[] = [
  (files) => edited(files, 'records.ndjson', (text) => text.replace('evt_', 'evt-')),
  (files) => edited(files, 'records.ndjson', (text) => text.slice(text.indexOf('\n') + 1)),
  (files) => edited(files, 'records.ndjson', (text) => text.slice(0, -2)),
  (files) => edited(files, 'records.ndjson', (text) => `${text.split('\n').toReversed().slice(1).join('\n')}\n`),
  (files) => edited(files, 'before.txt', (text) => `${text}${leaves[0]?.toString('base64')}\n`),
  (files) => edited(files, 'after.txt', (text) => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))),
  (files) => edited(files, 'manifest.json', (text) => text.replace(/"fromSeq":(\d+)/, '"fromSeq":1$1')),
  (files) =>
    edited(files, 'checkpoint.txt', () =>
      signCheckpoint({ origin: ORIGIN, size: log.length, root: Buffer.alloc(32, 1) }, stranger),
    ),
  (files) => edited(files, 'checkpoint.txt', (text) => text.replace('\n900\n', '\n899\n')),
];

/** 100 bundles of any part of the log; every second one is broken. */
const makeBundles = async (): Promise<readonly Case[]> => {
  const cases: Case[] = [];
  for (let at = 0; at < 100; at += 1) {
    const fromSeq = 2 + ((at * 37) % 700);
    const toSeq = fromSeq + 2 + ((at * 53) % 190);
    const files = await bundleFilesOf(log, { organizationId: ORGANIZATION, origin: ORIGIN, key, fromSeq, toSeq });
    const path = join(folder, `${at}.zip`);
    writeFileSync(path, await zipOf(at % 2 === 0 ? files : (ways[(at >> 1) % ways.length] ?? ways[0])!(files)));
    cases.push({ kind: 'bundle', path, vkey });
  }
  return cases;
};
const HALF = Array.from({ length: 100 }, (_, at) => at % 2 === 0);

const makeProofs = async (): Promise<readonly Case[]> => {
  const note = signCheckpoint(
    { origin: ORIGIN, size: log.length, root: await readRoot(treeOf(leaves), log.length) },
    key,
  );
  return Promise.all(
    HALF.map(async (isWhole, at): Promise<Case> => {
      const leaf = (at * 89) % log.length;
      const hashes = await readRoots(treeOf(leaves), inclusionRanges(leaf, log.length));
      const shown = at % 4 === 1 ? hashes.toReversed() : hashes;
      const way = shown.map((hash) => `${hash.toString('base64')}\n`).join('');
      const path = join(folder, `${at}.tlog-proof`);
      writeFileSync(path, `c2sp.org/tlog-proof@v1\nindex ${leaf}\n${way}\n${note}`);
      return { kind: 'proof', path, vkey, leaf: isWhole || at % 4 === 1 ? log[leaf]! : `${log[leaf]} ` };
    }),
  );
};

const writeTile = (path: string, bytes: Buffer): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
};

/** Trees of many sizes, as tlog-tiles lays them out; every second one has one byte changed. */
const makeTiles = async (): Promise<readonly Case[]> =>
  Promise.all(
    HALF.slice(0, 20).map(async (isWhole, at): Promise<Case> => {
      const size = [1, 5, 255, 256, 257, 511, 512, 513, 700, 900][at >> 1] as number;
      const path = join(folder, `tiles-${at}`);
      const root = await readRoot(treeOf(leaves.slice(0, size)), size);
      writeTile(join(path, 'checkpoint'), Buffer.from(signCheckpoint({ origin: ORIGIN, size, root }, key)));
      const nameOf = (index: number, width: number): string =>
        `${String(index).padStart(3, '0')}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
      for (const { level, index, hashes } of growTiles([], 0, leaves.slice(0, size)))
        writeTile(join(path, 'tile', String(level), nameOf(index, hashes.length / 32)), hashes);
      for (let index = 0; index * TILE_WIDTH < size; index += 1) {
        const part = log.slice(index * TILE_WIDTH, Math.min(size, (index + 1) * TILE_WIDTH));
        const entries = part
          .map((line) => Buffer.from(line))
          .flatMap((line) => [Buffer.of(line.length >> 8, line.length & 255), line]);
        const bytes = Buffer.concat(entries);
        if (!isWhole && index === 0) bytes[20 + at] = (bytes[20 + at] as number) ^ 1;
        writeTile(join(path, 'tile', 'entries', nameOf(index, part.length)), bytes);
      }
      return { kind: 'tiles', path, vkey };
    }),
  );

describe.skipIf(!hasGo)('verifiers on the Go libraries of the transparency community', () => {
  test('say of 100 bundles, half of them broken, what ours says', async () => {
    const cases = await makeBundles();
    const ours: boolean[] = [];
    for (const { path } of cases) ours.push((await verifyBundle(path, [vkey])).faults.length === 0);
    expect(ours).toEqual(HALF);
    expect(byGo(cases)).toEqual(HALF);
  }, 120_000);

  test('take 50 proofs of single records, and none of 50 broken ones', async () => {
    expect(byGo(await makeProofs())).toEqual(HALF);
  }, 120_000);

  test('read every entry of 10 sets of tiles, and find the one byte that is wrong in each of 10 others', async () => {
    expect(byGo(await makeTiles())).toEqual(HALF.slice(0, 20));
  }, 120_000);
});

describe.skipIf(!hasPython)('a verifier on the standard library of Python and openssl', () => {
  test('says of 100 bundles, half of them broken, what ours says', async () => {
    expect(byPython(await makeBundles())).toEqual(HALF);
  }, 120_000);
});
