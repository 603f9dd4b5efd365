import type { LimitRule, PolicyDocument, ToolEntry } from '../../policy-engine/document.js';
import { pointerTo } from '../../platform/json/pointer.js';

/** How much room above what was used a lowered limit leaves. */
const HEADROOM = 2;
/** A limit is far above use when even that room leaves it at half or less of what it was. */
const MIN_REDUCTION = 2;

/**
 * What a limit comes down to for the most that was used in one of its windows; undefined when it is not far above that.
 * Whole, and at least 1.
 */
export const loweredMax = (max: number, peak: number): number | undefined => {
  const wanted = Math.max(1, Math.ceil(peak * HEADROOM));
  return wanted * MIN_REDUCTION <= max ? wanted : undefined;
};

type Limited = Readonly<{ limits?: readonly LimitRule[] }>;

const inList = <T extends Limited>(entry: T, pointer: string, lowered: ReadonlyMap<string, number>): T =>
  entry.limits === undefined
    ? entry
    : {
        ...entry,
        limits: entry.limits.map((limit, index) => ({
          ...limit,
          max: lowered.get(pointerTo(`${pointer}/limits`, index)) ?? limit.max,
        })),
      };

const inEntry = (entry: ToolEntry, pointer: string, lowered: ReadonlyMap<string, number>): ToolEntry => {
  const { rate_limit: rate, ...rest } = inList(entry, pointer, lowered);
  return rate === undefined
    ? rest
    : { ...rest, rate_limit: { ...rate, max: lowered.get(`${pointer}/rate_limit`) ?? rate.max } };
};

/** The document with lower maxima for the limits of tools whose rules are named. */
export const lowerLimits = (document: PolicyDocument, lowered: ReadonlyMap<string, number>): PolicyDocument => {
  if (lowered.size === 0) return document;
  const { tools, all_tools: forAll } = document;
  return {
    ...document,
    ...(forAll === undefined ? {} : { all_tools: inList(forAll, '/all_tools', lowered) }),
    ...(tools === undefined
      ? {}
      : {
          tools: Object.fromEntries(
            Object.entries(tools).map(([name, entry]) => [name, inEntry(entry, pointerTo('/tools', name), lowered)]),
          ),
        }),
  };
};
