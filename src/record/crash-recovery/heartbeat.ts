import { LONG_AGO, momentNow, msSince } from '../../platform/runtime/clock.js';
import type { Database } from '../../platform/postgres/database.js';
import { startPollingLoop } from '../../platform/runtime/polling-loop.js';

const BEAT_MS = 5000;
const RETRY_DELAY_MS = 1000;
/** A connection that fell silent must cost one beat, not so many that the boot counts as dead. */
const RESPONSE_TIMEOUT_MS = 4000;

/** How long a gateway allows calls without an acknowledged heartbeat, whatever `MAX_STALENESS_SECONDS` says. */
const MIN_SILENCE_MS = 15_000;

/**
 * From the last call that a silent gateway allows until nothing of it can reach the log: two seconds for limits, ten
 * for an append, and some for slowness.
 */
export const SETTLED_MS = 15_000;

/**
 * The calls of this boot without an outcome in the log: all of them were decided after `since`. A heartbeat that was
 * acknowledged calls `advance`: calls decided from now on are decided after `at`.
 */
export type OpenCalls = Readonly<{ since: () => Date | undefined; advance: (at: Date) => void }>;

export type Heartbeat = Readonly<{
  /**
   * The heartbeat is so late that others may count this boot as dead: it must not allow calls until one is
   * acknowledged.
   */
  isLate: () => boolean;
  /** The last one: says that the boot ended by itself. */
  stop: () => Promise<void>;
}>;

/**
 * Keeps a boot's row in `gateway_boots`. Resolves when the first heartbeat is acknowledged: before that no call may be
 * allowed. A boot that was counted as dead and swept makes its row anew and goes on.
 */
export const startHeartbeat = async (
  db: Database,
  boot: Readonly<{ bootId: string; open: OpenCalls; maxStalenessMs: number }>,
): Promise<Heartbeat> => {
  const silenceMs = Math.max(boot.maxStalenessMs, MIN_SILENCE_MS);
  let sentAt = LONG_AGO;
  const beat = async (stopped: boolean): Promise<void> => {
    const began = momentNow();
    const statement = {
      text: `insert into gateway_boots as b (boot_id, open_since, silent_ms, stopped)
        values ($1, coalesce($2::timestamptz, clock_timestamp()), $3, $4)
         on conflict (boot_id) do update set last_seen = clock_timestamp(), open_since = coalesce($2::timestamptz,
           b.open_since), stopped = $4 returning last_seen as seen`,
      values: [boot.bootId, boot.open.since(), silenceMs + SETTLED_MS, stopped],
      query_timeout: RESPONSE_TIMEOUT_MS,
    };
    const { rows } = await db.worker.query<{ seen: Date }>(statement);
    sentAt = began;
    if (rows[0]) boot.open.advance(rows[0].seen);
  };
  await beat(false);
  const loop = startPollingLoop(() => beat(false).then(() => BEAT_MS), {
    failed: 'the heartbeat of this gateway failed',
    retryDelayMs: RETRY_DELAY_MS,
  });
  return {
    isLate: () => msSince(sentAt) > silenceMs,
    stop: async () => {
      await loop.stop();
      await beat(true);
    },
  };
};
