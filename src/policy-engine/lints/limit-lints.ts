import type { PolicyDocument, Window } from '../document.js';
import { counterKey } from '../limits.js';
import { entryOf, limitsOf, type PlacedLimit } from '../limits-of.js';
import type { PolicyError } from '../reader.js';
import { scopes } from '../scopes.js';
import { windowSeconds } from '../windows.js';

const NO_EFFECT_MESSAGE =
  'another limit on the same calls in the same window is as strict or stricter, so this one never refuses first';

/**
 * Limits beside which another refuses every time that they would. One that spends an argument still refuses a wrong
 * one. That another limit has another counter doesn't matter where nothing but this policy can count in it: by grant
 * and by session.
 */
export function limitLints(document: PolicyDocument): readonly PolicyError[] {
  const limits = limitsOf(document);
  const byEntry = grouped(limits, entryOf);
  const byCounter = grouped(limits, counterKey);
  const places = new Map(limits.map((limit, index) => [limit, index] as const));
  const inVain = (one: PlacedLimit): boolean => {
    const beside = one.rule.startsWith('/tools/') ? (byEntry.get(forAll) ?? []) : [];
    const fellows = byCounter.get(counterKey(one)) ?? [];
    const counts = {
      isShared: fellows.some((other) => entryOf(other) !== entryOf(one)),
      spends: fellows.some(({ incrementFrom }) => incrementFrom !== undefined),
    };
    return [...(byEntry.get(entryOf(one)) ?? []), ...beside].some(
      (other) => other !== one && isStricter(other, one, places) && countsAsMuch(other, one, counts),
    );
  };
  return limits.flatMap((one) =>
    one.incrementFrom === undefined && inVain(one)
      ? [{ pointer: one.rule, code: 'limit_without_effect', message: NO_EFFECT_MESSAGE }]
      : [],
  );
}

const forAll = '/all_tools';

function grouped(
  limits: readonly PlacedLimit[],
  keyOf: (limit: PlacedLimit) => string,
): ReadonlyMap<string, readonly PlacedLimit[]> {
  const groups = new Map<string, PlacedLimit[]>();
  for (const limit of limits) {
    const group = groups.get(keyOf(limit));
    if (group) group.push(limit);
    else groups.set(keyOf(limit), [limit]);
  }
  return groups;
}

/** Of two that are equally strict, the one for all tools stays, else the first. */
function isStricter(other: PlacedLimit, one: PlacedLimit, places: ReadonlyMap<PlacedLimit, number>): boolean {
  if (other.max !== one.max) return other.max < one.max;
  return (entryOf(other) === forAll && entryOf(one) !== forAll) || (places.get(other) ?? 0) < (places.get(one) ?? 0);
}

/**
 * Whether every call that adds to `one` adds as much to `other`; `counts` tells who else adds to the counter of `one`.
 */
function countsAsMuch(
  other: PlacedLimit,
  one: PlacedLimit,
  counts: Readonly<{ isShared: boolean; spends: boolean }>,
): boolean {
  if (other.scope !== one.scope || !samePeriod(other.window, one.window) || other.incrementFrom !== undefined)
    return false;
  if (counterKey(other) === counterKey(one)) return true;
  return !counts.spends && scopes[one.scope].countsOneGrant && (entryOf(other) === forAll || !counts.isShared);
}

function samePeriod(one: Window, other: Window): boolean {
  return windowSeconds(one) === windowSeconds(other);
}
