import type { Answer, SendResult } from '../kind.js';

/** How a cursor's last tries went. Times in ms since the epoch. */
export type Effort = Readonly<{
  /** At most so many records a batch, until tries succeed again. */
  limit: number;
  failures: number;
  failingSince: number | null;
  /** Since when the first record fails by itself. */
  aloneSince: number | null;
  /** After a receiver found a batch too large or too slow, batches grow by little. */
  growsSlowly: boolean;
}>;

export const MAX_RECORDS = 500;
export const FRESH: Effort = {
  limit: MAX_RECORDS,
  failures: 0,
  failingSince: null,
  aloneSince: null,
  growsSlowly: false,
};

/** What to do after a try. `wait` in ms; the `effort` is the one to go on with. */
export type NextStep = Readonly<{ effort: Effort }> &
  (
    | Readonly<{ do: 'advance'; refused: readonly Readonly<{ seq: number; answer: Answer }>[] }>
    | Readonly<{ do: 'bury' }>
    | Readonly<{ do: 'retry'; wait: number; status: 'degraded' | 'auth_error' }>
    | Readonly<{ do: 'probe'; wait: number; status: 'degraded' }>
    | Readonly<{ do: 'give_up' }>
  );

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 900_000;
const AUTH_RETRY_MS = 900_000;
const GIVE_UP_MS = 7 * 86_400_000;
/** A receiver that is down says 500 too: only after this long is a batch split for it. */
const SPLIT_AFTER_MS = 900_000;
const BURY_AFTER_MS = 3_600_000;

const jittered = (ms: number, random: number): number => Math.round(ms * (0.8 + 0.4 * random));

const backoff = (failures: number): number => Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));

const grown = ({ limit, growsSlowly }: Effort): number =>
  Math.min(MAX_RECORDS, growsSlowly ? limit + Math.max(1, limit >> 4) : limit * 2);

const succeeded = (effort: Effort): Effort => {
  const limit = grown(effort);
  return { ...FRESH, limit, growsSlowly: effort.growsSlowly && limit < MAX_RECORDS };
};

const isServerError = (result: Extract<SendResult, { outcome: 'retry' }>): boolean =>
  (result.answer?.httpStatus ?? 0) >= 500 && !result.timedOut;

type Try = Readonly<{ records: number; now: number; random: number }>;

const afterRetry = (
  result: Extract<SendResult, { outcome: 'retry' }>,
  failed: Effort,
  { records, now, random }: Try,
): NextStep => {
  const since = failed.failingSince ?? now;
  // What the receiver asks for is a least: it is not made shorter.
  const wait =
    result.retryAfterMs === undefined
      ? jittered(Math.max(backoff(failed.failures), FIRST_RETRY_MS), random)
      : Math.max(result.retryAfterMs, FIRST_RETRY_MS);
  const shrunk = { ...failed, limit: Math.max(1, records >> 1) };
  if (result.timedOut && records > 1)
    return { do: 'retry', wait, status: 'degraded', effort: { ...shrunk, growsSlowly: true } };
  if (!isServerError(result)) return { do: 'retry', wait, status: 'degraded', effort: failed };
  if (records > 1)
    return now - since >= SPLIT_AFTER_MS
      ? { do: 'retry', wait: FIRST_RETRY_MS, status: 'degraded', effort: shrunk }
      : { do: 'retry', wait, status: 'degraded', effort: failed };
  const aloneSince = failed.aloneSince ?? now;
  const effort = { ...failed, aloneSince };
  return { do: now - aloneSince >= BURY_AFTER_MS ? 'probe' : 'retry', wait, status: 'degraded', effort };
};

/**
 * What follows from a try, pure. A batch that is refused is halved at once, down to the record at fault, which is
 * buried as a dead letter; one that timed out is halved too, and waits. Retries wait from 1 s to 15 min, twice as
 * long each time and a fifth more or less, or what `Retry-After` says. A record that alone gets a 5xx for an hour is
 * buried when the receiver takes a test event (`probe`). After seven days without a success the stream is given up.
 */
export const nextStep = (result: SendResult, effort: Effort, attempt: Try): NextStep => {
  const { records, now, random } = attempt;
  switch (result.outcome) {
    case 'accepted':
      return { do: 'advance', refused: [], effort: succeeded(effort) };
    case 'accepted_except':
      return { do: 'advance', refused: result.refused, effort: succeeded(effort) };
    case 'refused': {
      if (records <= 1) return { do: 'bury', effort: succeeded(effort) };
      const growsSlowly = effort.growsSlowly || result.answer?.httpStatus === 413;
      const halved = { ...effort, limit: Math.max(1, records >> 1), growsSlowly };
      return { do: 'retry', wait: 0, status: 'degraded', effort: halved };
    }
    case 'retry':
    case 'auth_error': {
      const failingSince = effort.failingSince ?? now;
      const failed = { ...effort, failures: effort.failures + 1, failingSince };
      if (now - failingSince >= GIVE_UP_MS) return { do: 'give_up', effort: failed };
      if (result.outcome === 'retry') return afterRetry(result, failed, attempt);
      return { do: 'retry', wait: jittered(AUTH_RETRY_MS, random), status: 'auth_error', effort: failed };
    }
  }
};
