import { Counter, type Registry } from 'prom-client';
import type { TellAlarm } from '../../platform/postgres/alarm.js';
import type { Database, Look, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import type { Change, EventStore } from '../event-store/event-store.js';
import type { CheckpointMemory } from './checkpoint-memory.js';
import { checkTree, type CheckResult } from './check-tree.js';
import type { SigningKeys } from './rotate-key.js';
import { openCheckpoint, verifierKeyOf, type Checkpoint } from './signed-note.js';
import { findTree, keysOf, newestCheckpoint, saveCheck, takeUnchecked } from './tree.store.js';

type Found = Readonly<{ organizationId: string; result: CheckResult }>;

/**
 * Notes what a self-check found. A fault that the last one did not find goes on record as `audit.selfCheckFailed`, and
 * the organization is told. Answers whether it was new.
 */
export const reportCheck = async (
  change: Pick<Change, 'tx' | 'appendFact'>,
  tellAlarm: TellAlarm,
  { organizationId, result: { checkedTo, firstBadSeq, reason } }: Found,
): Promise<boolean> => {
  const isNew = await saveCheck(change.tx, organizationId, firstBadSeq);
  if (firstBadSeq === null || !isNew) return false;
  await change.appendFact('audit', {
    type: 'audit.selfCheckFailed',
    checkedTo,
    firstBadSeq,
    reason: reason ?? '',
  });
  await tellAlarm(change.tx, organizationId, {
    type: 'audit.selfCheckFailed',
    subjectId: organizationId,
    title: 'The audit log is not what was signed',
    detail:
      `From record ${firstBadSeq} on the audit log contradicts its checkpoints: ${reason}. Somebody changed the ` +
      'database, or it was damaged. Take a bundle of the records before, keep your checkpoints, and tell who runs ' +
      'this installation.',
    data: { checkedTo, firstBadSeq },
  });
  return true;
};

/** What is checked against: published keys, and what was kept outside the database. */
type Anchors = Readonly<{ vkeys: readonly string[]; kept: readonly Checkpoint[] }>;

/**
 * Checks the audit log of an organization up to its newest checkpoint; undefined before the first.
 */
export const checkLog = async (
  look: Look,
  organizationId: string,
  anchor: (tx: Tx, origin: string) => Promise<Anchors>,
): Promise<CheckResult | undefined> => {
  const found = await look(async (tx) => {
    const [tree, checkpoint] = [await findTree(tx, organizationId), await newestCheckpoint(tx, organizationId)];
    return tree && checkpoint && { tree, checkpoint, ...(await anchor(tx, tree.origin)) };
  });
  return found && checkTree(look, { organizationId, ...found });
};

/** The keys that the database names. */
export const publishedKeys = async (tx: Tx, organizationId: string): Promise<readonly string[]> =>
  (await keysOf(tx, organizationId)).map(({ vkey }) => vkey);

export type SelfCheckParts = Readonly<{
  db: Database;
  store: EventStore;
  keys: SigningKeys;
  memory: CheckpointMemory;
  tellAlarm: TellAlarm;
  metrics: Registry;
}>;

const POLL_MS = 15_000;

/**
 * Beside what the database says, the newest checkpoint and the one in memory must be signed by a key of ours: who can
 * write to the database has none.
 */
const ownAnchors =
  ({ keys, memory }: SelfCheckParts, organizationId: string) =>
  async (tx: Tx, origin: string): Promise<Anchors> => {
    const own = [keys.key, ...keys.previous].map((key) => verifierKeyOf(origin, key));
    const note = await memory.recall(organizationId);
    const newest = (await newestCheckpoint(tx, organizationId))?.note ?? '';
    const published = await publishedKeys(tx, organizationId);
    const isOurs = openCheckpoint(newest, own) !== undefined;
    const kept = note === undefined ? undefined : openCheckpoint(note, own);
    return { vkeys: isOurs ? published : published.filter((vkey) => own.includes(vkey)), kept: kept ? [kept] : [] };
  };

const checkOne = async (parts: SelfCheckParts, failures: Counter): Promise<boolean> => {
  const organizationId = await parts.db.asWorker(takeUnchecked);
  if (organizationId === undefined) return false;
  const look: Look = (work) => parts.db.asWorker(work);
  const result = await checkLog(look, organizationId, ownAnchors(parts, organizationId));
  if (!result) return true;
  if (result.firstBadSeq !== null) {
    failures.inc();
    log.error('the self-check of an audit log failed', { organizationId, ...result });
  }
  await parts.store.change({ organizationId, actor: { type: 'system', id: 'self-check' } }, (change) =>
    reportCheck(change, parts.tellAlarm, { organizationId, result }),
  );
  return true;
};

/**
 * Checks the audit log of each organization every hour against its checkpoints. Several processes share the work; what
 * one that dies was at is checked again an hour later.
 */
export const startSelfChecks = (parts: SelfCheckParts): PollingLoop => {
  const failures = new Counter({
    name: 'toolgate_audit_self_check_failures_total',
    help: 'Self-checks of an audit log that found another record than was signed',
    registers: [parts.metrics],
  });
  const round = async (): Promise<number> => {
    try {
      return (await checkOne(parts, failures)) ? 0 : POLL_MS;
    } catch (error) {
      log.warn('the self-check of an audit log did not end; an hour later it is tried again', {
        error: errorText(error),
      });
      return POLL_MS;
    }
  };
  return startPollingLoop(round, { failed: 'checking audit logs failed', retryDelayMs: POLL_MS });
};
