import type { Tx } from '../../platform/postgres/database.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import { counterKey } from '../../policy-engine/limits.js';
import { entryOf, limitsOf, type PlacedLimit } from '../../policy-engine/limits-of.js';
import { windowSeconds } from '../../policy-engine/windows.js';
import { loweredMax } from './lower-limits.js';
import { readPeaks, type CounterUse, type Peak, type UseRange } from './use.query.js';

/**
 * A limit beside the most that was used of it in one window; `proposedMax` is what it could come down to, null when it
 * is not far above that.
 */
export type MeasuredLimit = PlacedLimit & Readonly<{ peak: number; peakAt: Date; proposedMax: number | null }>;

const MAX_MONTH_SECONDS = 31 * 86_400;
/** A range of fewer windows says little about the most that one takes. */
const MIN_WINDOWS = 2;
const MAX_PAIRS = 20_000;

const FOR_ALL = '/all_tools';

/**
 * Limits that count this grant's tool calls alone, in windows of which the range holds some, and that used tools come
 * to.
 */
const measurable = (
  document: PolicyDocument,
  usedBy: ReadonlyMap<string, readonly string[]>,
  range: UseRange,
): readonly PlacedLimit[] => {
  const seconds = (range.to.getTime() - range.from.getTime()) / 1000;
  return limitsOf(document).filter(
    (limit) =>
      limit.scope === 'grant' &&
      (entryOf(limit) === FOR_ALL || usedBy.has(entryOf(limit))) &&
      (windowSeconds(limit.window) ?? MAX_MONTH_SECONDS) * MIN_WINDOWS <= seconds,
  );
};

type Counters = ReadonlyMap<string, Readonly<{ counted: CounterUse; spends: boolean }>>;

/** The counters of these limits, each with the tools that add to it. */
const countersOf = (limits: readonly PlacedLimit[], usedBy: ReadonlyMap<string, readonly string[]>): Counters => {
  const everything = [...usedBy.values()].flat();
  const counters = new Map<string, { tools: Set<string>; limit: PlacedLimit; spends: boolean }>();
  for (const limit of limits) {
    const known = counters.get(counterKey(limit)) ?? { tools: new Set<string>(), limit, spends: false };
    for (const tool of entryOf(limit) === FOR_ALL ? everything : (usedBy.get(entryOf(limit)) ?? []))
      known.tools.add(tool);
    counters.set(counterKey(limit), { ...known, spends: known.spends || limit.incrementFrom !== undefined });
  }
  return new Map(
    [...counters].map(([key, { tools, limit, spends }]) => [
      key,
      { counted: { counter: limit.counter, window: String(limit.window), tools: [...tools] }, spends },
    ]),
  );
};

const peaksOf = async (tx: Tx, range: UseRange, counters: Counters): Promise<ReadonlyMap<string, Peak>> => {
  const peaks = new Map<string, Peak>();
  for (const spends of [false, true]) {
    const some = [...counters].filter(([, one]) => one.spends === spends);
    const found = await readPeaks(
      tx,
      range,
      some.map(([, { counted }]) => counted),
      spends,
    );
    some.forEach(([key], index) => {
      const peak = found[index];
      if (peak) peaks.set(key, peak);
    });
  }
  return peaks;
};

/**
 * The limits by grant that `usedBy` (used tools by the rules that let them pass) come to, each with the most that was
 * used of it in one window of the range, by the times of the decisions. Calls that were given back again are counted,
 * so it is never too little.
 */
export const measureLimits = async (
  tx: Tx,
  range: UseRange,
  document: PolicyDocument,
  usedBy: ReadonlyMap<string, readonly string[]>,
): Promise<readonly MeasuredLimit[]> => {
  const limits = measurable(document, usedBy, range);
  const counters = countersOf(limits, usedBy);
  const pairs = [...counters.values()].reduce((sum, { counted }) => sum + counted.tools.length, 0);
  if (pairs > MAX_PAIRS) return [];
  const peaks = await peaksOf(tx, range, counters);
  return limits.flatMap((limit) => {
    const peak = peaks.get(counterKey(limit));
    return peak
      ? [{ ...limit, peak: peak.peak, peakAt: peak.at, proposedMax: loweredMax(limit.max, peak.peak) ?? null }]
      : [];
  });
};
