import { unrecorded } from '../audit/unrecorded.js';
import { toEntry } from '../event-log/append.js';
import type { EventLog } from '../event-log/event-log.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import { SETTLED_MS } from './heartbeat.js';
import { closeNumbering, reportOverdue } from './missing-numbers.js';
import { findOpenCalls, unknownOutcome, type DeadBoot } from './open-calls.js';

const POLL_MS = 5000;
const CLOSING_POLL_MS = 500;
const BOOT_BATCH_SIZE = 100;
const CALL_BATCH_SIZE = 1000;

const DEAD = `last_seen + make_interval(secs => silent_ms / 1000.0) < clock_timestamp()`;
/**
 * Gives back the approvals that a dead boot used for calls that it never sent; resolves to how many. The app binds it,
 * since approvals belong to another room.
 */
export type GiveBackUnmade = (tx: Tx, uses: Readonly<{ from: Date; until: Date }>) => Promise<number>;

type Parts = Readonly<{ db: Database; eventLog: EventLog; giveBackUnmade: GiveBackUnmade }>;

const COLUMNS =
  'boot_id as "bootId", open_since as "openSince", last_seen as "lastSeen", stopped, last_seen + ' +
  `make_interval(secs => (silent_ms - ${SETTLED_MS}) / 1000.0) as "allowedUntil"`;

const findDead = async (db: Database): Promise<readonly DeadBoot[]> =>
  (
    await db.worker.query<DeadBoot>(`select ${COLUMNS} from gateway_boots where ${DEAD} order by random() limit $1`, [
      BOOT_BATCH_SIZE,
    ])
  ).rows;

/** The row of a boot that is still dead and that no other sweep holds. Its heartbeat waits for this transaction. */
const lockDead = async (tx: Tx, bootId: string): Promise<DeadBoot | undefined> =>
  (
    await tx.query<DeadBoot>(
      `select ${COLUMNS} from gateway_boots where boot_id = $1 and ${DEAD} for update skip locked`,
      [bootId],
    )
  ).rows[0];

/** Closes a batch of the calls that a boot left open; true when none was left and the boot's row is deleted. */
const closeSome = ({ db, eventLog, giveBackUnmade }: Parts, bootId: string): Promise<boolean> =>
  db.asWorker(async (tx) => {
    const boot = await lockDead(tx, bootId);
    if (!boot) return false;
    const open = await findOpenCalls(tx, boot, CALL_BATCH_SIZE);
    if (open.length > 0) {
      log.warn('a gateway ended without the outcome of some calls: it is unknown', { bootId, calls: open.length });
      const appended = await Promise.allSettled(
        open.map((decided) =>
          eventLog.append('toolgate.decisions', toEntry(unknownOutcome(decided, boot, new Date()))),
        ),
      );
      const failed = appended.find((one) => one.status === 'rejected');
      if (failed) throw new Error('some outcomes were not appended', { cause: failed.reason });
      return false;
    }
    const unmade = await giveBackUnmade(tx, { from: boot.lastSeen, until: boot.allowedUntil });
    if (unmade > 0)
      log.warn('approvals were used for calls that were not made; they hold again', { bootId, approvals: unmade });
    await closeNumbering({ db, eventLog }, bootId);
    await tx.query('delete from gateway_boots where boot_id = $1', [bootId]);
    if (!boot.stopped) log.info('a gateway died; all its calls have an outcome', { bootId });
    return true;
  });

/**
 * Gives every allowed call an outcome, also when its gateway died. A boot without a heartbeat for as long as its row
 * allows is dead: it allows nothing any longer, and nothing of it can still reach the log. When all that is in the log
 * by then is recorded, its allowed decisions without an outcome get one with status `unknown`, and what it used for
 * calls that it did not make is given back. Repeats and other projectors do no harm: an outcome's id comes from its
 * call's, and the audit log records an id once. That also settles what a gateway that was only slow appends later: the
 * first outcome is the one that counts. Holes in a boot's numbering are reported as `audit.gap` when it is over, or
 * when they are ten minutes old.
 */
export const startSweep = (parts: Parts): PollingLoop => {
  const { db, eventLog } = parts;
  /** Where the log ended when a boot was found dead, or when its outcomes were appended. */
  const waitingFor = new Map<string, readonly number[]>();
  const serve = async (bootId: string): Promise<void> => {
    const ends = waitingFor.get(bootId) ?? (await eventLog.ends('toolgate.decisions'));
    waitingFor.set(bootId, ends);
    if ((await unrecorded(db, 'toolgate.decisions', ends)) > 0) return;
    waitingFor.delete(bootId);
    await closeSome(parts, bootId);
  };
  const round = async (): Promise<number> => {
    await reportOverdue({ db, eventLog });
    const dead = await findDead(db);
    for (const bootId of waitingFor.keys()) if (!dead.some((boot) => boot.bootId === bootId)) waitingFor.delete(bootId);
    if (dead.length === 0) return POLL_MS;
    await eventLog.ready();
    let failed = false;
    for (const { bootId } of dead) {
      await serve(bootId).catch((error: unknown) => {
        failed = true;
        log.warn('the calls of a dead gateway could not all be closed; trying again', {
          bootId,
          error: errorText(error),
        });
      });
    }
    return failed ? POLL_MS : CLOSING_POLL_MS;
  };
  return startPollingLoop(round, { failed: 'closing the calls of dead gateways failed', retryDelayMs: POLL_MS });
};
