import type { Look } from '../../platform/postgres/database.js';
import { recordLine } from '../audit/record-line.js';
import { HASH_BYTES, hashesAt, TILE_WIDTH } from './tiles.js';
import { nextRecords, tilesOf, tileTime, type Tree } from './tree.store.js';

/** A file of C2SP tlog-tiles: the hashes of a tile, or the entries whose hashes a tile of level 0 holds. */
export type TileFile = Readonly<{ level: number | 'entries'; index: number; width: number }>;

const PATH = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/**
 * Reads the path of a tile, without `tile/`: `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, N in groups of three digits of
 * which all but the last begin with x. Undefined for any other text, also for an N with leading groups of zeros.
 */
export const readTilePath = (path: string): TileFile | undefined => {
  const [, level, groups, partial] = PATH.exec(path) ?? [];
  if (level === undefined || groups === undefined || groups.startsWith('x000/')) return undefined;
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (width >= TILE_WIDTH && partial !== undefined) return undefined;
  return {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width,
  };
};

/** Whether a tree of this size has this much of a tile. */
const isWithin = ({ level, index, width }: TileFile, size: number): boolean =>
  Number.isSafeInteger(index) && index * TILE_WIDTH + width <= hashesAt(level === 'entries' ? 0 : level, size);

const readHashes = async (look: Look, organizationId: string, file: TileFile): Promise<Buffer | undefined> => {
  const place = { level: Number(file.level), index: file.index };
  const [tile] = await look((tx) => tilesOf(tx, organizationId)([place]));
  const hashes = tile?.hashes.subarray(0, file.width * HASH_BYTES);
  return hashes?.length === file.width * HASH_BYTES ? hashes : undefined;
};

const entryOf = (line: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(line.length);
  return Buffer.concat([length, line]);
};

/** At most 256 records, which are 16 MiB; undefined when retention has taken one. */
const readEntries = async (
  look: Look,
  organizationId: string,
  { firstSeq, index, width }: Pick<Tree, 'firstSeq'> & TileFile,
): Promise<Buffer | undefined> => {
  const [first, end] = [firstSeq + index * TILE_WIDTH, firstSeq + index * TILE_WIDTH + width];
  const entries: Buffer[] = [];
  let recordedAt = await look((tx) => tileTime(tx, organizationId, index));
  while (first + entries.length < end) {
    const seq = first + entries.length;
    const place = { seq, recordedAt };
    const page = await look((tx) => nextRecords(tx, organizationId, place));
    const last = page.at(-1);
    if (page[0]?.seq !== seq || last?.seq !== seq + page.length - 1) return undefined;
    entries.push(...page.slice(0, end - seq).map((record) => entryOf(recordLine(record))));
    recordedAt = last.recordedAt;
  }
  return Buffer.concat(entries);
};

/**
 * The bytes of a tile as C2SP tlog-tiles lays them out, as far as the tree of a signed size has it; undefined when it
 * has not, or when retention has taken records of it. A tile of hashes outlives its records.
 */
export const readTileFile = async (
  look: Look,
  organizationId: string,
  { tree, signedSize, file }: Readonly<{ tree: Tree; signedSize: number; file: TileFile }>,
): Promise<Buffer | undefined> => {
  if (!isWithin(file, signedSize)) return undefined;
  return file.level === 'entries'
    ? readEntries(look, organizationId, { firstSeq: tree.firstSeq, ...file })
    : readHashes(look, organizationId, file);
};
