import type { Database } from '../../platform/postgres/database.js';
import type { CheckpointMemory } from './checkpoint-memory.js';
import { provideKey, RefusedToSign, type SigningKeys } from './rotate-key.js';
import { openCheckpoint, signCheckpoint, type Checkpoint } from './signed-note.js';
import { readRoot, type ReadTiles } from './tiles.js';
import { keysOf, lockTree, newestCheckpoint, saveCheckpoint, tilesOf, type Tree } from './tree.store.js';

/** How old a checkpoint is before the next one is signed. */
export const CHECKPOINT_INTERVAL_MS = 10_000;

type Signer = Readonly<{ db: Database; keys: SigningKeys; memory: CheckpointMemory }>;

/** That the tree begins with what a checkpoint signed. @throws RefusedToSign */
const requireConsistent = async (tree: Tree, read: ReadTiles, signed: Checkpoint): Promise<void> => {
  if (signed.origin !== tree.origin) throw new RefusedToSign(`the last checkpoint is of another log, ${signed.origin}`);
  if (signed.size > tree.size)
    throw new RefusedToSign(
      `a checkpoint of ${signed.size} records was signed, and the database has ${tree.size}: it is older than that`,
    );
  const root = await readRoot(read, signed.size);
  if (!root.equals(signed.root))
    throw new RefusedToSign(`the first ${signed.size} records are not those that were signed`);
};

/**
 * What must be the beginning of the tree: the checkpoint in the database and the one that was kept outside, as far as
 * they are signed. @throws RefusedToSign for one that is not
 */
const signedBefore = (notes: readonly (string | undefined)[], vkeys: readonly string[]): readonly Checkpoint[] =>
  notes.flatMap((note) => {
    if (note === undefined) return [];
    const checkpoint = openCheckpoint(note, vkeys);
    if (!checkpoint) throw new RefusedToSign('the last checkpoint is not signed by a key of this log');
    return [checkpoint];
  });

/**
 * Signs the tree of an organization as it is, when it has grown since its last checkpoint and that one is ten seconds
 * old; undefined when there is nothing to sign, or another process is at it. The tree must begin with what was signed
 * last, by the database and by the memory outside it. The memory keeps the checkpoint before the database commits it: a
 * checkpoint that somebody may have seen is never unknown outside the database.
 * @throws RefusedToSign
 */
export const signTree = async (
  { db, keys, memory }: Signer,
  organizationId: string,
  now: Date,
): Promise<string | undefined> =>
  db.asWorker(async (tx) => {
    const tree = await lockTree(tx, organizationId);
    if (!tree || tree.size === 0) return undefined;
    const last = await newestCheckpoint(tx, organizationId);
    if (last?.treeSize === tree.size) return undefined;
    if (last && now.getTime() - last.time.getTime() < CHECKPOINT_INTERVAL_MS) return undefined;
    const key = await provideKey(tx, organizationId, { tree, keys, now });
    const vkeys = (await keysOf(tx, organizationId)).map(({ vkey }) => vkey);
    const read = tilesOf(tx, organizationId);
    for (const signed of signedBefore([last?.note, await memory.recall(organizationId)], vkeys))
      await requireConsistent(tree, read, signed);
    const root = await readRoot(read, tree.size);
    const signedNote = signCheckpoint({ origin: tree.origin, size: tree.size, root }, key);
    await saveCheckpoint(tx, organizationId, { treeSize: tree.size, root, time: now, note: signedNote });
    await memory.keep(organizationId, signedNote);
    return signedNote;
  });
