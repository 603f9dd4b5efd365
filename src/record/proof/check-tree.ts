import type { Look } from '../../platform/postgres/database.js';
import { recordLine } from '../audit/record-line.js';
import { leafHash, type Hash } from './merkle.js';
import { openCheckpoint, type Checkpoint } from './signed-note.js';
import { growingTiles, growTiles, HASH_BYTES, readRoot, TILE_WIDTH, type ReadTiles, type Tile } from './tiles.js';
import type { StoredEvent } from '../audit/audit.query.js';
import { checkpointsFrom, firstKeptSeq, nextRecords, tilesOf, type StoredCheckpoint, type Tree } from './tree.store.js';

/**
 * What a check of a log found. `checkedTo` is the `seq` of the last record that was looked at. `firstBadSeq` is the
 * first record that is not the one that was signed, or, where records and tree were changed alike, the first behind the
 * last checkpoint that still holds; null when all hold.
 */
export type CheckResult = Readonly<{ checkedTo: number; firstBadSeq: number | null; reason: string | null }>;

export type CheckRequest = Readonly<{
  organizationId: string;
  tree: Tree;
  /** The newest checkpoint: the log is checked as far as it goes. */
  checkpoint: StoredCheckpoint;
  /** The verifier keys that are trusted. */
  vkeys: readonly string[];
  /** Checkpoints that were kept elsewhere. */
  kept: readonly Checkpoint[];
}>;

class Broken extends Error {
  readonly leaf: number;
  constructor(leaf: number, reason: string) {
    super(reason);
    this.leaf = leaf;
  }
}

const TILES_PER_READ = 16;
const CHECKPOINTS_PER_READ = 500;

/** The tree, made anew from its leaves: of each level the tile that grows. */
class Rebuilt {
  size = 0;
  #edge: readonly Tile[] = [];

  /** Adds leaves, and answers the tiles that are new or longer. */
  grow(leaves: readonly Hash[]): readonly Tile[] {
    const changed = growTiles(this.#edge, this.size, leaves);
    this.size += leaves.length;
    const held = new Map([...this.#edge, ...changed].map((tile) => [`${tile.level}/${tile.index}`, tile]));
    this.#edge = growingTiles(this.size).flatMap(({ level, index }) => held.get(`${level}/${index}`) ?? []);
    return changed;
  }

  root(): Promise<Hash> {
    const read: ReadTiles = async (places) =>
      this.#edge.filter((tile) => places.some(({ level, index }) => level === tile.level && index === tile.index));
    return readRoot(read, this.size);
  }
}

/** Leaves that retention has taken the records of: what the tree keeps of them is all that there is. */
const keptLeaves = async (
  look: Look,
  organizationId: string,
  { from, to }: Readonly<{ from: number; to: number }>,
): Promise<readonly Hash[]> => {
  const first = Math.floor(from / TILE_WIDTH);
  const places = Array.from({ length: TILES_PER_READ }, (_, at) => ({ level: 0, index: first + at }));
  const tiles = (await look((tx) => tilesOf(tx, organizationId)(places))).toSorted((a, b) => a.index - b.index);
  const all = Buffer.concat(tiles.map(({ hashes }) => hashes));
  const wanted = all.subarray((from % TILE_WIDTH) * HASH_BYTES, (to - first * TILE_WIDTH) * HASH_BYTES);
  if (wanted.length === 0) throw new Broken(from, 'a tile of the tree is missing');
  return Array.from({ length: wanted.length / HASH_BYTES }, (_, at) =>
    wanted.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
};

/** The leaves of a tree up to a size, in order, some at a time. @throws Broken at the first that has no record */
async function* leavesOf(
  look: Look,
  organizationId: string,
  { firstSeq, size }: Pick<Tree, 'firstSeq' | 'size'>,
): AsyncGenerator<readonly Hash[]> {
  const firstKept = (): Promise<number> => look((tx) => firstKeptSeq(tx, organizationId));
  let kept = await firstKept();
  let recordedAt: Date | null = null;
  for (let at = 0; at < size;) {
    if (firstSeq + at < kept) {
      const leaves = await keptLeaves(look, organizationId, { from: at, to: Math.min(kept - firstSeq, size) });
      yield leaves;
      at += leaves.length;
      continue;
    }
    const place: Readonly<{ seq: number; recordedAt: Date | null }> = { seq: firstSeq + at, recordedAt };
    const found: readonly StoredEvent[] = await look((tx) => nextRecords(tx, organizationId, place));
    const whole = found.slice(0, size - at).filter((record, index) => record.seq === place.seq + index);
    if (whole.length > 0) yield whole.map((record) => leafHash(recordLine(record)));
    at += whole.length;
    recordedAt = whole.at(-1)?.recordedAt ?? recordedAt;
    if (whole.length > 0 && whole.length === Math.min(found.length, size - at + whole.length)) continue;
    kept = await firstKept();
    if (at < size && firstSeq + at >= kept) throw new Broken(at, 'the record is gone');
  }
}

/** Checkpoints of at most this size, by their size. @throws Broken for one that no trusted key signed */
async function* signedSizes(look: Look, request: CheckRequest): AsyncGenerator<Checkpoint> {
  for (let from = 1; from <= request.checkpoint.treeSize;) {
    const start = from;
    const page = await look((tx) =>
      checkpointsFrom(tx, request.organizationId, { from: start, rows: CHECKPOINTS_PER_READ }),
    );
    for (const { note, treeSize } of page) {
      const checkpoint = openCheckpoint(note, request.vkeys);
      if (checkpoint?.size !== treeSize) throw new Broken(0, `the checkpoint of ${treeSize} records is not signed`);
      yield checkpoint;
    }
    const last = page.at(-1);
    if (!last) return;
    from = last.treeSize + 1;
  }
}

/** What the tree of the database holds where the rebuilt one has these tiles. @throws Broken where it differs */
const compareTiles = async (look: Look, organizationId: string, rebuilt: readonly Tile[]): Promise<void> => {
  const stored = await look((tx) => tilesOf(tx, organizationId)(rebuilt));
  for (const { level, index, hashes } of rebuilt) {
    const held = stored.find((tile) => tile.level === level && tile.index === index)?.hashes ?? Buffer.alloc(0);
    if (held.subarray(0, hashes.length).equals(hashes)) continue;
    let slot = 0;
    const hashAt = (buffer: Buffer): Buffer => buffer.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES);
    while (hashAt(held).equals(hashAt(hashes))) slot += 1;
    const leaf = (index * TILE_WIDTH + slot) * TILE_WIDTH ** level;
    throw new Broken(leaf, level === 0 ? 'the record is not the one in the tree' : 'a hash of the tree was changed');
  }
};

type Walk = {
  readonly rebuilt: Rebuilt;
  /** The size of the last tree whose root is the one that was signed. */ good: number;
};

/** Checkpoints by their size, those of the database and those that were kept elsewhere. */
class Signed {
  readonly #stored: AsyncGenerator<Checkpoint>;
  readonly #kept: Checkpoint[];
  #next: Checkpoint | undefined;

  constructor(look: Look, request: CheckRequest) {
    this.#stored = signedSizes(look, request);
    this.#kept = request.kept.toSorted((a, b) => a.size - b.size);
  }

  async begin(): Promise<void> {
    const { value, done } = await this.#stored.next();
    this.#next = done === true ? undefined : value;
  }

  /** The size of the next one; infinite behind the last. */
  get size(): number {
    return Math.min(this.#next?.size ?? Infinity, this.#kept[0]?.size ?? Infinity);
  }

  /** Takes all of the next size, and answers whether they sign this root. */
  async take(size: number, root: Hash): Promise<boolean> {
    let isSigned = true;
    if (this.#next?.size === size) {
      isSigned = this.#next.root.equals(root);
      await this.begin();
    }
    while (this.#kept[0]?.size === size) isSigned = (this.#kept.shift() as Checkpoint).root.equals(root) && isSigned;
    return isSigned;
  }
}

/** Grows the tree by a page of leaves, and compares what is stored and signed of it. @throws Broken */
const checkPage = async (
  compare: (tiles: readonly Tile[]) => Promise<void>,
  { leaves, signed, state }: Readonly<{ leaves: readonly Hash[]; signed: Signed; state: Walk }>,
): Promise<void> => {
  const { rebuilt } = state;
  const changed = new Map<string, Tile>();
  let contradicted: number | undefined;
  for (let at = 0; at < leaves.length;) {
    const taken = leaves.slice(at, at + signed.size - rebuilt.size);
    for (const tile of rebuilt.grow(taken)) changed.set(`${tile.level}/${tile.index}`, tile);
    at += taken.length;
    if (rebuilt.size !== signed.size) continue;
    if (!(await signed.take(rebuilt.size, await rebuilt.root()))) contradicted ??= rebuilt.size;
    else if (contradicted === undefined) state.good = rebuilt.size;
  }
  // First: they name the very record.
  await compare([...changed.values()].toSorted((a, b) => a.level - b.level || a.index - b.index));
  if (contradicted !== undefined)
    throw new Broken(state.good, `the first ${contradicted} records are not those that were signed`);
};

const walk = async (look: Look, request: CheckRequest, state: Walk): Promise<void> => {
  const { organizationId, tree, checkpoint } = request;
  const signed = new Signed(look, request);
  await signed.begin();
  const compare = (tiles: readonly Tile[]): Promise<void> => compareTiles(look, organizationId, tiles);
  for await (const leaves of leavesOf(look, organizationId, { firstSeq: tree.firstSeq, size: checkpoint.treeSize }))
    await checkPage(compare, { leaves, signed, state });
  if (signed.size !== Infinity)
    throw new Broken(state.rebuilt.size, `a checkpoint of ${signed.size} records was signed, and they are not here`);
};

/**
 * Hashes every kept record of an organization anew, makes the tree from it, and compares each hash that is stored and
 * each checkpoint that was signed. Reads records a page at a time; takes as long as reading the whole log.
 */
export const checkTree = async (look: Look, request: CheckRequest): Promise<CheckResult> => {
  const { tree, checkpoint } = request;
  const state: Walk = { rebuilt: new Rebuilt(), good: 0 };
  try {
    await walk(look, request, state);
    return { checkedTo: tree.firstSeq + checkpoint.treeSize - 1, firstBadSeq: null, reason: null };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const firstBadSeq = tree.firstSeq + error.leaf;
    return {
      checkedTo: Math.max(tree.firstSeq + state.rebuilt.size - 1, firstBadSeq),
      firstBadSeq,
      reason: error.message,
    };
  }
};
