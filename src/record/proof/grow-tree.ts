import type { Database } from '../../platform/postgres/database.js';
import { recordLine } from '../audit/record-line.js';
import { leafHash } from './merkle.js';
import { growingTiles, growTiles, TILE_WIDTH } from './tiles.js';
import { beginTree, lockTree, moveTree, nextRecords, saveTiles, tilesOf } from './tree.store.js';

/** Thrown when the next record of a tree is gone: what was lost can't be proven any more. */
export class MissingRecord extends Error {
  readonly seq: number;
  constructor(seq: number) {
    super(`record ${seq} is gone, and the tree does not have it yet`);
    this.seq = seq;
  }
}

/**
 * Adds the next records of an organization to its tree, in one transaction, and answers how many; 0 also when another
 * process is at it. A tree that is begun takes this origin, and never changes it.
 * @throws MissingRecord
 */
export const growTree = (db: Database, organizationId: string, origin: string): Promise<number> =>
  db.asWorker(async (tx) => {
    await beginTree(tx, organizationId, origin);
    const tree = await lockTree(tx, organizationId);
    if (!tree) return 0;
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
  });
