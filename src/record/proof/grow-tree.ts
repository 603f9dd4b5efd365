import type { Database, Tx } from '../../platform/postgres/database.js';
import { recordLine } from '../audit/record-line.js';
import { leafHash } from './merkle.js';
import { growingTiles, growTiles, TILE_WIDTH } from './tiles.js';
import { beginTree, findTree, lockTree, moveTree, nextRecords, saveTiles, tilesOf } from './tree.store.js';

/** Thrown when the next record of a tree is gone: what was lost can't be proven any more. */
export class MissingRecord extends Error {
  readonly seq: number;
  constructor(seq: number) {
    super(`record ${seq} is gone, and the tree does not have it yet`);
    this.seq = seq;
  }
}

/** To begin a tree, all kept records are looked through for one that is too long to be a leaf. */
const BEGIN_TIMEOUT_MS = 3_600_000;

/** Adds the next records to a tree; undefined when there is no tree. */
const addRecords = async (tx: Tx, organizationId: string): Promise<number | undefined> => {
  const tree = await lockTree(tx, organizationId);
  if (!tree) return (await findTree(tx, organizationId)) ? 0 : undefined;
  const nextSeq = tree.firstSeq + tree.size;
  const records = await nextRecords(tx, organizationId, { seq: nextSeq, recordedAt: tree.recordedAt });
  const last = records.at(-1);
  if (!last) return 0;
  if (records[0]?.seq !== nextSeq || last.seq !== nextSeq + records.length - 1) throw new MissingRecord(nextSeq);
  const growing = await tilesOf(tx, organizationId)(growingTiles(tree.size));
  const leaves = records.map((record) => leafHash(recordLine(record)));
  const tiles = growTiles(growing, tree.size, leaves).map((tile) => {
    const first = records[tile.index * TILE_WIDTH - tree.size];
    return { ...tile, recordedAt: (tile.level === 0 && first?.recordedAt) || null };
  });
  await saveTiles(tx, organizationId, tiles);
  await moveTree(tx, organizationId, { size: tree.size + records.length, recordedAt: last.recordedAt });
  return records.length;
};

/**
 * Adds the next records of an organization to its tree, in one transaction, and answers how many; 0 also when another
 * process is at it. A tree that is begun takes this origin, and never changes it.
 * @throws MissingRecord
 */
export const growTree = async (db: Database, organizationId: string, origin: string): Promise<number> => {
  const grow = (): Promise<number | undefined> => db.asWorker((tx) => addRecords(tx, organizationId));
  const added = await grow();
  if (added !== undefined) return added;
  await db.asWorker((tx) => beginTree(tx, organizationId, origin), BEGIN_TIMEOUT_MS);
  return (await grow()) ?? 0;
};
