import type { Database, Tx } from '../../platform/postgres/database.js';
import type { EventStore } from '../event-store/event-store.js';
import { verifierKeyOf, type SigningKey } from './signed-note.js';
import {
  changeKey,
  findTree,
  keysOf,
  newestCheckpoint,
  publishKey,
  seqOfKeyChange,
  type LogKey,
  type Tree,
} from './tree.store.js';

/** The key that signs, and those that may have signed before. */
export type SigningKeys = Readonly<{ key: SigningKey; previous: readonly SigningKey[] }>;

/** Why a tree is not signed: what it would say contradicts what was signed before, or the key is another. */
export class RefusedToSign extends Error {}

/** The key by which checkpoints are signed now; undefined before the first. */
const currentOf = (keys: readonly LogKey[]): LogKey | undefined =>
  keys.find(({ from, until }) => from !== null && until === null);

/**
 * The key that signs this tree's next checkpoint, which is published. After a change of keys the one before signs until
 * a checkpoint of its own covers the record that names the new one: so who trusts the old key may trust the new one.
 * @throws RefusedToSign when it is none of ours that signed before
 */
export const provideKey = async (
  tx: Tx,
  organizationId: string,
  { tree, keys, now }: Readonly<{ tree: Tree; keys: SigningKeys; now: Date }>,
): Promise<SigningKey> => {
  const vkey = verifierKeyOf(tree.origin, keys.key);
  const current = currentOf(await keysOf(tx, organizationId));
  if (current === undefined) await publishKey(tx, organizationId, { name: tree.origin, vkey, from: now, until: null });
  if (current === undefined || current.vkey === vkey) return keys.key;
  const before = keys.previous.find((key) => verifierKeyOf(tree.origin, key) === current.vkey);
  if (!before) throw new RefusedToSign('the log key is another than the one that signed before');
  const seq = await seqOfKeyChange(tx, organizationId, vkey);
  const covered = tree.firstSeq + ((await newestCheckpoint(tx, organizationId))?.treeSize ?? 0);
  if (seq === undefined || seq >= covered) return before;
  await changeKey(tx, organizationId, vkey, now);
  return keys.key;
};

/** What stands in the database when another key than ours signs the tree, and nothing says which one follows. */
const findUnannounced = async (
  tx: Tx,
  organizationId: string,
  { key, previous }: SigningKeys,
): Promise<Readonly<{ origin: string; vkey: string; previousVkey: string }> | undefined> => {
  const tree = await findTree(tx, organizationId);
  if (!tree) return undefined;
  const vkey = verifierKeyOf(tree.origin, key);
  const published = await keysOf(tx, organizationId);
  const current = currentOf(published);
  if (current === undefined || published.some((one) => one.vkey === vkey)) return undefined;
  const isOurs = previous.some((one) => verifierKeyOf(tree.origin, one) === current.vkey);
  return isOurs ? { origin: tree.origin, vkey, previousVkey: current.vkey } : undefined;
};

/**
 * Puts on record which key signs next, when it is another than the one that signs now and nothing says so yet. The
 * record may stand there twice, when the process dies on the way or two are at it.
 */
export const announceKey = async (
  { db, store, keys }: Readonly<{ db: Database; store: EventStore; keys: SigningKeys }>,
  organizationId: string,
): Promise<void> => {
  if (keys.previous.length === 0) return;
  const next = await db.asWorker((tx) => findUnannounced(tx, organizationId, keys));
  if (!next) return;
  const { origin, vkey, previousVkey } = next;
  await store.change({ organizationId, actor: { type: 'system', id: 'proof' } }, (change) =>
    change.appendFact('audit', { type: 'audit.signingKeyChanged', vkey, previousVkey }),
  );
  await db.asWorker((tx) => publishKey(tx, organizationId, { name: origin, vkey, from: null, until: null }));
};
