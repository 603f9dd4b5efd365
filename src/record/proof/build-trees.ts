import type { Database } from '../../platform/postgres/database.js';
import type { TellAlarm } from '../../platform/postgres/alarm.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import type { CheckpointMemory } from './checkpoint-memory.js';
import { growTree, MissingRecord } from './grow-tree.js';
import type { EventStore } from '../event-store/event-store.js';
import { announceKey, RefusedToSign, type SigningKeys } from './rotate-key.js';
import { CHECKPOINT_INTERVAL_MS, signTree } from './sign-checkpoint.js';

const POLL_MS = 1000;
const ORGANIZATION_BATCH_SIZE = 100;

export type TreeParts = Readonly<{
  db: Database;
  store: EventStore;
  keys: SigningKeys;
  memory: CheckpointMemory;
  tellAlarm: TellAlarm;
  /** The host and port of our public URL; undefined until the port is known. */
  host: () => string | undefined;
}>;

/** `since`: the next one, as far as no tree is behind its records. */
type Behind = Readonly<{ organizations: readonly string[]; since: string }>;

/**
 * The organizations whose records are ahead of their tree, of those that changed since the snapshot whose oldest
 * running transaction was `since`, and those whose tree is ahead of a checkpoint that is old enough for the next; any
 * of them when there are many, so that one that fails keeps no other from its turn.
 */
const findBehind = (db: Database, since: string): Promise<Behind> =>
  db.asWorker(async (tx) => {
    const snapshot = await tx.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin');
    const { rows } = await tx.query<{ organization_id: string; grows: boolean }>(
      `select organization_id, bool_or(grows) as grows from (
         select h.organization_id, true as grows from audit_heads h left join proof_trees t using (organization_id)
          where h.changed_xid >= $1::xid8 and h.next_seq > coalesce(t.first_seq + t.size, 1)
         union all select t.organization_id, false from proof_trees t where t.signed_size < t.size and not exists (
           select from proof_checkpoints c where c.organization_id = t.organization_id
             and c.tree_size = t.signed_size and c.time > now() - make_interval(secs => $3))
       ) behind group by organization_id order by random() limit $2`,
      [since, ORGANIZATION_BATCH_SIZE, CHECKPOINT_INTERVAL_MS / 1000],
    );
    const next = rows.some(({ grows }) => grows) ? since : (snapshot.rows[0]?.xmin ?? since);
    return { organizations: rows.map((row) => row.organization_id), since: next };
  });

/** Tells operator and organization once an hour why nothing is signed. */
const alarm = async ({ db, tellAlarm }: TreeParts, organizationId: string, error: Error): Promise<void> => {
  log.error('the audit log of an organization is not signed', { organizationId, reason: error.message });
  await db.asWorker((tx) =>
    tellAlarm(tx, organizationId, {
      type: 'audit.notSigned',
      subjectId: organizationId,
      title: 'The audit log is not signed any more',
      detail: `No new checkpoint of the audit log is signed: ${error.message}. Tell who runs this installation.`,
    }),
  );
};

/** Grows and signs the tree of an organization; false when there was nothing to add. */
const serve = async (parts: TreeParts, organizationId: string, host: string): Promise<boolean> => {
  const added = await growTree(parts.db, organizationId, host);
  if (added > 0) return true;
  await announceKey(parts, organizationId);
  await signTree(parts, organizationId, new Date());
  return false;
};

/** One that is refused is asked again after a minute. */
const REFUSED_RETRY_MS = 60_000;

type Rounds = { since: string; readonly refusedUntil: Map<string, number> };

const serveSafely = (parts: TreeParts, rounds: Rounds, organizationId: string, host: string): Promise<boolean> =>
  serve(parts, organizationId, host).catch(async (error: unknown) => {
    if (error instanceof RefusedToSign || error instanceof MissingRecord) {
      rounds.refusedUntil.set(organizationId, Date.now() + REFUSED_RETRY_MS);
      await alarm(parts, organizationId, error);
    } else log.warn('proving a record failed; trying again', { organizationId, error: errorText(error) });
    return false;
  });

const isRefused = ({ refusedUntil }: Rounds, organizationId: string): boolean => {
  const until = refusedUntil.get(organizationId);
  if (until === undefined || until > Date.now()) return until !== undefined;
  refusedUntil.delete(organizationId);
  return false;
};

const round = async (parts: TreeParts, rounds: Rounds): Promise<number> => {
  const host = parts.host();
  if (host === undefined) return POLL_MS;
  const behind = await findBehind(parts.db, rounds.since);
  let moved = false;
  for (const organizationId of behind.organizations)
    if (!isRefused(rounds, organizationId)) moved = (await serveSafely(parts, rounds, organizationId, host)) || moved;
  rounds.since = behind.since;
  return moved ? 0 : POLL_MS;
};

/**
 * Keeps the tree of each organization up with its audit log, and signs it every ten seconds when it has grown. Several
 * processes share the work by the lock of each tree.
 */
export const startTrees = (parts: TreeParts): PollingLoop => {
  const rounds: Rounds = { since: '0', refusedUntil: new Map() };
  return startPollingLoop(() => round(parts, rounds), {
    failed: 'proving the audit log failed',
    retryDelayMs: POLL_MS,
  });
};
