import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import type { Range } from './range.js';
import type { LogRecord } from '../log/records.js';

const HOURS: Readonly<Record<Range, number>> = { '24h': 24, '7d': 7 * 24, '30d': 30 * 24 };
const HOUR_MS = 3_600_000;
const SAMPLE = 1000;

/** Calls of one key, in a range. */
export type Total = Readonly<{ key: string; name: string; calls: number; completed: number; failed: number }>;

/** Calls by time: seconds since the epoch, and for each effect as many numbers as times. */
export type Series = Readonly<{ times: readonly number[]; effects: Readonly<Record<Effect, readonly number[]>> }>;

const EFFECTS = ['allow', 'deny', 'hold'] as const;
export type Effect = (typeof EFFECTS)[number];

type Item = Readonly<{
  from: string;
  calls: number;
  completed: number;
  failed: number;
  effect?: string | null;
  tool?: string | null;
  grant?: string | null;
  grantLabel?: string | null;
  identityName?: string | null;
}>;

/** When a range begins. */
export const beginOf = (range: Range, now: number): Date => new Date(now - HOURS[range] * HOUR_MS);

const fetchUsage = async (range: Range, groupBy: string): Promise<readonly Item[]> => {
  const query = {
    groupBy,
    interval: range === '24h' ? ('hour' as const) : ('day' as const),
    from: beginOf(range, Date.now()).toISOString(),
  };
  return dataOf(await api.GET('/v1/usage', { params: { query } })).items;
};

/** Sums items by a key, the most calls first. */
export function totalsOf(
  items: readonly Item[],
  keyOf: (item: Item) => Readonly<{ key: string; name: string }>,
): readonly Total[] {
  const totals = new Map<string, Total>();
  for (const item of items) {
    const { key, name } = keyOf(item);
    const before = totals.get(key) ?? { key, name, calls: 0, completed: 0, failed: 0 };
    totals.set(key, {
      ...before,
      calls: before.calls + item.calls,
      completed: before.completed + item.completed,
      failed: before.failed + item.failed,
    });
  }
  return [...totals.values()].toSorted((one, other) => other.calls - one.calls);
}

/** Every interval of a range, also those without calls. */
export function seriesOf(items: readonly Item[], range: Range, now: number): Series {
  const step = range === '24h' ? HOUR_MS : 24 * HOUR_MS;
  const first = Math.floor(beginOf(range, now).getTime() / step) * step;
  const times = Array.from({ length: Math.floor((now - first) / step) + 1 }, (_, at) => (first + at * step) / 1000);
  const counts = Object.fromEntries(EFFECTS.map((effect) => [effect, times.map(() => 0)])) as Record<Effect, number[]>;
  for (const { from, effect, calls } of items) {
    const at = Math.round((Date.parse(from) - first) / step);
    const series = counts[effect as Effect];
    if (series?.[at] !== undefined) series[at] += calls;
  }
  return { times, effects: counts };
}

/** Calls by time and effect. */
export const fetchSeries = async (range: Range): Promise<Series> =>
  seriesOf(await fetchUsage(range, 'effect'), range, Date.now());

/** Calls by tool, grant or effect, the most first. */
export const fetchTotals = async (range: Range, by: 'tool' | 'grant' | 'effect'): Promise<readonly Total[]> =>
  totalsOf(await fetchUsage(range, by), (item) => {
    if (by === 'grant')
      return {
        key: item.grant ?? '',
        name: `${item.identityName ?? ''} ${item.grantLabel ?? ''}`.trim() || (item.grant ?? ''),
      };
    const key = item[by] ?? '';
    return { key, name: key === '' ? '(no name)' : key };
  });

const fetchSample = async (range: Range, filter: Readonly<Record<string, string[]>>): Promise<readonly LogRecord[]> => {
  const query = { ...filter, order: 'desc' as const, limit: SAMPLE, from: beginOf(range, Date.now()).toISOString() };
  const page = dataOf(await api.GET('/v1/audit/events', { params: { query } })) as unknown;
  return (page as { items: readonly LogRecord[] }).items;
};

/** Refusals by rule, of the last 1,000. */
export const fetchDenials = async (range: Range): Promise<readonly Total[]> => {
  const records = await fetchSample(range, { type: ['toolCall.decided'], effect: ['deny'] });
  const counts = new Map<string, number>();
  for (const { rule, code } of records) counts.set(rule ?? code ?? '', (counts.get(rule ?? code ?? '') ?? 0) + 1);
  return [...counts]
    .map(([key, calls]) => ({ key, name: key, calls, completed: 0, failed: 0 }))
    .toSorted((one, other) => other.calls - one.calls);
};

export type Latency = Readonly<{
  count: number;
  quantiles: readonly Readonly<{ share: number; ms: number }>[];
}>;

const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];

/** How long calls took, from the fastest to the slowest; `share` of all took at most `ms`. */
export function latencyOf(durations: readonly number[]): Latency {
  const sorted = durations.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, quantiles: SHARES.map((share) => ({ share, ms: at(share) })) };
}

/** How long the last 1,000 calls took. */
export const fetchLatency = async (range: Range): Promise<Latency> => {
  const records = await fetchSample(range, { type: ['toolCall.completed'] });
  return latencyOf(
    records.flatMap(({ status, durationMs }) =>
      status === 'not_forwarded' || durationMs === undefined ? [] : [durationMs],
    ),
  );
};
