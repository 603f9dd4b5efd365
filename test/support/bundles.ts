import { crc32, inflateRawSync } from 'node:zlib';
import { leafHash, subtreesOf, type Hash } from '../../src/record/proof/merkle.js';
import { signCheckpoint, type SigningKey } from '../../src/record/proof/signed-note.js';
import { growTiles, readRoot, readSubtrees, type ReadTiles } from '../../src/record/proof/tiles.js';
import { zip } from '../../src/platform/runtime/zip.js';

/** The files of a bundle by their names. */
export type BundleFiles = ReadonlyMap<string, Buffer>;

type Verifier = Readonly<{
  verifyBundle: (
    path: string,
    vkeys: readonly string[],
  ) => Promise<Readonly<{ records: number; faults: readonly string[] }>>;
}>;

/** The verifier that we ship: one file of JavaScript, without types. */
export const { verifyBundle } = (await import('../../src/toolgate-verify.mjs' as string)) as Verifier;

/** Reads tiles of a tree of these leaves. */
export const treeOf = (leaves: readonly Hash[]): ReadTiles => {
  const tiles = new Map(growTiles([], 0, leaves).map((tile) => [`${tile.level}/${tile.index}`, tile]));
  return async (places) => places.flatMap(({ level, index }) => tiles.get(`${level}/${index}`) ?? []);
};

type Wanted = Readonly<{ organizationId: string; origin: string; key: SigningKey; fromSeq: number; toSeq: number }>;

const hashLines = (hashes: readonly Hash[]): Buffer =>
  Buffer.from(hashes.map((hash) => `${hash.toString('base64')}\n`).join(''));

/** A bundle of some records of a log that consists of these lines. */
export const bundleFilesOf = async (
  lines: readonly string[],
  { organizationId, origin, key, fromSeq, toSeq }: Wanted,
): Promise<BundleFiles> => {
  const leaves = lines.map((line) => leafHash(Buffer.from(line)));
  const [read, treeSize] = [treeOf(leaves), lines.length];
  const side = async (start: number, end: number): Promise<Buffer> =>
    hashLines(await readSubtrees(read, subtreesOf({ start, end })));
  const manifest = { organizationId, origin, firstSeq: 1, fromSeq, toSeq, treeSize };
  const note = signCheckpoint({ origin, size: treeSize, root: await readRoot(read, treeSize) }, key);
  return new Map([
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    ['checkpoint.txt', Buffer.from(note)],
    ['before.txt', await side(0, fromSeq - 1)],
    ['after.txt', await side(toSeq, treeSize)],
    [
      'records.ndjson',
      Buffer.from(
        lines
          .slice(fromSeq - 1, toSeq)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    ],
    ['leaves.bin', Buffer.concat(leaves.slice(fromSeq - 1, toSeq))],
  ]);
};

/** A zip of these files. */
export const zipOf = async (files: BundleFiles): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  const entries = [...files].map(([name, content]) => ({ name, chunks: [content] }));
  for await (const chunk of zip(entries, new Date('2026-01-01'))) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** The files of a zip as we write it, with 64-bit numbers everywhere. */
export const unzip = (bytes: Buffer): BundleFiles => {
  const files = new Map<string, Buffer>();
  const end = bytes.length - 22 - 20 - 56;
  for (let at = Number(bytes.readBigUInt64LE(end + 48)); at < end;) {
    const nameLength = bytes.readUInt16LE(at + 28);
    const extra = at + 46 + nameLength;
    const [packed, local] = [Number(bytes.readBigUInt64LE(extra + 12)), Number(bytes.readBigUInt64LE(extra + 20))];
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const name = bytes.subarray(at + 46, extra).toString();
    const content = inflateRawSync(bytes.subarray(start, start + packed));
    if (crc32(content) !== bytes.readUInt32LE(at + 16)) throw new Error(`${name} is damaged`);
    files.set(name, content);
    at = extra + bytes.readUInt16LE(at + 30);
  }
  return files;
};
