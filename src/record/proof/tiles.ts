import { foldSubtrees, nodeHash, subtreesOf, type Hash, type Range, type Subtree } from './merkle.js';

/** Hashes of a tile that is full; a tile of level `n` holds hashes of subtrees of height 8n (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
export const HASH_BYTES = 32;
const TILE_HEIGHT = 8;
/** Enough for 2 ** 53 leaves. */
const LEVELS = 7;

export type TilePlace = Readonly<{ level: number; index: number }>;

/** The hashes of a tile from left to right, as many as there are. */
export type Tile = TilePlace & Readonly<{ hashes: Buffer }>;

/** Reads tiles; one that is not there is left out. */
export type ReadTiles = (places: readonly TilePlace[]) => Promise<readonly Tile[]>;

const keyOf = ({ level, index }: TilePlace): string => `${level}/${index}`;

/** How many hashes of a level a tree of this size has. */
export const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level);

/** The tiles that are begun and not full in a tree of this size: where it grows. */
export const growingTiles = (size: number): readonly TilePlace[] =>
  Array.from({ length: LEVELS }, (_, level) => ({
    level,
    index: Math.floor(hashesAt(level, size) / TILE_WIDTH),
  })).filter(({ level }) => hashesAt(level, size) % TILE_WIDTH > 0);

const split = (hashes: Buffer): readonly Hash[] =>
  Array.from({ length: hashes.length / HASH_BYTES }, (_, at) =>
    hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );

/** The root of a perfect subtree from its lowest known hashes. */
const rootOfPerfect = (hashes: readonly Hash[]): Hash => {
  let row = hashes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, at) => nodeHash(row[2 * at] as Hash, row[2 * at + 1] as Hash));
  return row[0] as Hash;
};

/** The root of a full tile, which is a hash of the next level. */
export const rootOfTile = (hashes: Buffer): Hash => rootOfPerfect(split(hashes));

/**
 * Adds hashes of leaves to a tree of this size whose growing tiles are given, and answers every tile that is new or
 * longer.
 */
export const growTiles = (growing: readonly Tile[], size: number, leaves: readonly Hash[]): readonly Tile[] => {
  const changed: Tile[] = [];
  let [added, before] = [leaves, size];
  for (let level = 0; added.length > 0; level += 1) {
    const next: Hash[] = [];
    for (let at = 0; at < added.length;) {
      const position = before + at;
      const index = Math.floor(position / TILE_WIDTH);
      const held = growing.find((tile) => tile.level === level && tile.index === index)?.hashes ?? Buffer.alloc(0);
      if (held.length !== (position % TILE_WIDTH) * HASH_BYTES) throw new Error(`tile ${level}/${index} is not whole`);
      const taken = added.slice(at, at + TILE_WIDTH - (position % TILE_WIDTH));
      const hashes = Buffer.concat([held, ...taken]);
      changed.push({ level, index, hashes });
      if (hashes.length === TILE_WIDTH * HASH_BYTES) next.push(rootOfTile(hashes));
      at += taken.length;
    }
    before = Math.floor(before / TILE_WIDTH);
    added = next;
  }
  return changed;
};

/** Where the hashes of a perfect subtree stand: in which tile, from which place on and how many. */
const placeOf = ({ height, index }: Subtree): TilePlace & Readonly<{ first: number; count: number }> => {
  const level = Math.floor(height / TILE_HEIGHT);
  const count = 2 ** (height % TILE_HEIGHT);
  const first = index * count;
  return { level, index: Math.floor(first / TILE_WIDTH), first: first % TILE_WIDTH, count };
};

const readOnce = async (read: ReadTiles, subtrees: readonly Subtree[]): Promise<ReadonlyMap<string, Buffer>> => {
  const places = new Map(subtrees.map((subtree) => [keyOf(placeOf(subtree)), placeOf(subtree)]));
  const tiles = places.size === 0 ? [] : await read([...places.values()].map(({ level, index }) => ({ level, index })));
  return new Map(tiles.map((tile) => [keyOf(tile), tile.hashes]));
};

/**
 * The hashes of perfect subtrees. @throws Error when a tile does not hold what it must
 */
export const readSubtrees = async (read: ReadTiles, subtrees: readonly Subtree[]): Promise<readonly Hash[]> => {
  const tiles = await readOnce(read, subtrees);
  return subtrees.map((subtree) => {
    const { first, count, ...place } = placeOf(subtree);
    const hashes = tiles.get(keyOf(place))?.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES);
    if (hashes?.length !== count * HASH_BYTES) throw new Error(`tile ${keyOf(place)} is not whole`);
    return rootOfPerfect(split(hashes));
  });
};

/** The root over each range. @throws Error when a tile does not hold what it must */
export const readRoots = async (read: ReadTiles, ranges: readonly Range[]): Promise<readonly Hash[]> => {
  const parts = ranges.map(subtreesOf);
  const hashes = await readSubtrees(read, parts.flat());
  let at = 0;
  return parts.map((part) => foldSubtrees(hashes.slice(at, (at += part.length))));
};

/** The root of the tree's first `size` leaves. @throws Error when a tile does not hold what it must */
export const readRoot = async (read: ReadTiles, size: number): Promise<Hash> =>
  (await readRoots(read, [{ start: 0, end: size }]))[0] as Hash;
