import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  consistencyRanges,
  foldSubtrees,
  inclusionRanges,
  leafHash,
  nodeHash,
  subtreesOf,
  type Hash,
} from '../../../src/record/proof/merkle.js';
import {
  growingTiles,
  growTiles,
  readRoot,
  readRoots,
  type ReadTiles,
  type Tile,
} from '../../../src/record/proof/tiles.js';

/** The leaves and hashes that implementations of RFC 6962 test with (certificate-transparency, merkletree). */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const hex = (hashes: readonly Hash[]): readonly string[] => hashes.map((hash) => hash.toString('hex'));

/** A tree in memory that grows as the stored one does. */
const grow = (leaves: readonly Hash[], steps: readonly number[]): ReadTiles => {
  const tiles = new Map<string, Tile>();
  let size = 0;
  for (const step of [...steps, leaves.length]) {
    const growing = growingTiles(size).flatMap(({ level, index }) => tiles.get(`${level}/${index}`) ?? []);
    const added = leaves.slice(size, size + step);
    for (const tile of growTiles(growing, size, added)) tiles.set(`${tile.level}/${tile.index}`, tile);
    size += added.length;
  }
  return async (places) => places.flatMap(({ level, index }) => tiles.get(`${level}/${index}`) ?? []);
};

/** RFC 6962, section 2.1, to the letter. */
const naiveRoot = (leaves: readonly Hash[]): Hash => {
  if (leaves.length === 1) return leaves[0] as Hash;
  let power = 1;
  while (power * 2 < leaves.length) power *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, power)), naiveRoot(leaves.slice(power)));
};

const known = LEAVES.map((leaf) => leafHash(Buffer.from(leaf, 'hex')));
const many = Array.from({ length: 1500 }, (_, n) => leafHash(Buffer.from(String(n))));

test('the roots of trees of one to eight leaves are those that other implementations of RFC 6962 know', async () => {
  const read = grow(known, []);
  const roots = await readRoots(
    read,
    ROOTS.map((_, index) => ({ start: 0, end: index + 1 })),
  );
  expect(hex(roots)).toEqual(ROOTS);
});

test('the audit paths are those that other implementations of RFC 6962 know', async () => {
  const read = grow(known, []);
  expect(hex(await readRoots(read, inclusionRanges(0, 8)))).toEqual([
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]);
  expect(hex(await readRoots(read, inclusionRanges(5, 8)))).toEqual([
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
});

test('the consistency proofs are those that other implementations of RFC 6962 know', async () => {
  const read = grow(known, []);
  expect(hex(await readRoots(read, consistencyRanges(1, 8)))).toEqual([
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]);
  expect(hex(await readRoots(read, consistencyRanges(6, 8)))).toEqual([
    '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
});

test('however a tree grows, its roots at every size are those of the definition', async () => {
  const sizes = fc.integer({ min: 1, max: many.length });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 8 }), sizes, async (steps, size) => {
      const root = await readRoot(grow(many, steps), size);
      expect(root.toString('hex')).toBe(naiveRoot(many.slice(0, size)).toString('hex'));
    }),
    { numRuns: 15 },
  );
});

/** RFC 9162, section 2.1.3.2. */
const rootFromPath = (leaf: Hash, index: number, size: number, path: readonly Hash[]): Hash | undefined => {
  let [fn, sn, root] = [index, size - 1, leaf];
  for (const hash of path) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      root = nodeHash(hash, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else root = nodeHash(root, hash);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? root : undefined;
};

test('the audit path of every leaf in trees of up to 257 leaves leads to the root', async () => {
  const read = grow(many, []);
  for (const size of [1, 2, 3, 7, 8, 9, 127, 128, 129, 255, 256, 257]) {
    const root = naiveRoot(many.slice(0, size));
    for (let leaf = 0; leaf < size; leaf += 1) {
      const path = await readRoots(read, inclusionRanges(leaf, size));
      expect(rootFromPath(many[leaf] as Hash, leaf, size, path)?.equals(root)).toBe(true);
    }
  }
});

/** RFC 9162, section 2.1.4.2: both roots from a consistency proof. */
const rootsFromProof = (from: number, size: number, first: Hash, proof: readonly Hash[]): readonly Hash[] => {
  const isPower = 2 ** Math.floor(Math.log2(from)) === from;
  const [start, ...rest] = isPower ? [first, ...proof] : proof;
  let [fn, sn, one, two] = [from - 1, size - 1, start as Hash, start as Hash];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  for (const hash of rest) {
    if (fn % 2 === 1 || fn === sn) {
      [one, two] = [nodeHash(hash, one), nodeHash(hash, two)];
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else two = nodeHash(two, hash);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return [one, two];
};

test('the consistency proofs between all trees of up to 65 leaves lead to both roots', async () => {
  const read = grow(many, []);
  const roots = Array.from({ length: 66 }, (_, size) => (size === 0 ? undefined : naiveRoot(many.slice(0, size))));
  for (let size = 2; size <= 65; size += 1)
    for (let from = 1; from < size; from += 1) {
      const proof = await readRoots(read, consistencyRanges(from, size));
      expect(hex(rootsFromProof(from, size, roots[from] as Hash, proof))).toEqual(
        hex([roots[from] as Hash, roots[size] as Hash]),
      );
    }
});

test('the perfect subtrees before a leaf, the leaf and those behind it fold to the root', async () => {
  const read = grow(many, []);
  for (const [start, end, size] of [
    [0, 1, 1],
    [5, 9, 300],
    [255, 257, 777],
    [256, 1024, 1500],
  ] as const) {
    const parts = [
      { start: 0, end: start },
      { start, end },
      { start: end, end: size },
    ].flatMap(subtreesOf);
    const stack: { hash: Hash; height: number }[] = [];
    for (const part of parts) {
      let [hash] = (await readRoots(read, [
        { start: part.index * 2 ** part.height, end: (part.index + 1) * 2 ** part.height },
      ])) as [Hash];
      let { height } = part;
      for (let left = stack.at(-1); left?.height === height; left = stack.at(-1)) {
        stack.pop();
        hash = nodeHash(left.hash, hash);
        height += 1;
      }
      stack.push({ hash, height });
    }
    expect(hex([foldSubtrees(stack.map(({ hash }) => hash))])).toEqual(hex([naiveRoot(many.slice(0, size))]));
  }
});
