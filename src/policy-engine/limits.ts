import { deny, type Check } from './check.js';
import { parseArgumentPath, readArgument, type Path } from './conditions/path.js';
import { unkept } from './conditions/unkept.js';
import type { Work } from './conditions/work.js';
import type { LimitRule } from './document.js';
import type { Reservation } from './facts.js';
import { DEFAULT_SCOPE, scopes } from './scopes.js';
import { windowText } from './windows.js';

/** The prefix of counters that belong to one entry; `parsePolicy` refuses it in the names of counters. */
export const privateCounterPrefix = 'rate_limit:';

/**
 * The check of one limit. It makes a reservation, or refuses when the argument of `increment_from` is not a finite
 * number of 0 or more.
 */
export function limitCheck(limit: LimitRule, pointer: string, entryReason?: string): Check {
  const { counter, window, max, increment_from: source } = limit;
  const scope = limit.scope ?? DEFAULT_SCOPE;
  const { whom } = scopes[scope];
  const reason = limit.on_deny ?? entryReason;
  const spent = source === undefined ? undefined : pathOf(source);
  return {
    rule: pointer,
    limit,
    judge: (facts, work) => {
      const amount =
        spent === undefined ? 1 : (facts.amounts?.get(source ?? '') ?? amountAt(facts.arguments, spent, work));
      if (amount === undefined)
        return deny('argument_rule', reason ?? `${facts.tool}: ${source} must be a number, 0 or more`);
      const reservation: Reservation = {
        counter,
        window,
        scope,
        whom: whom(facts),
        amount,
        max,
        pointer,
        reason,
      };
      return amount === Number.POSITIVE_INFINITY
        ? { ...deny('argument_rule', `${source} is not kept`), unkept: { reservation } }
        : { outcome: 'reserves', reservation };
    },
  };
}

/** One call adds once to a counter: every reservation on one counter gets the largest amount among them. */
export function shareAmounts(reservations: readonly Reservation[]): readonly Reservation[] {
  const largest = new Map<string, number>();
  for (const one of reservations) {
    const key = counterKey(one);
    largest.set(key, Math.max(one.amount, largest.get(key) ?? 0));
  }
  return reservations.map((one) => {
    const amount = largest.get(counterKey(one)) ?? one.amount;
    return amount === one.amount ? one : { ...one, amount };
  });
}

/** True when two of the limits add to one counter. */
export function haveSharedCounter(limits: readonly LimitRule[]): boolean {
  return new Set(limits.map(counterKey)).size < limits.length;
}

/**
 * The rule and the reason for a reservation that did not fit. `retryAfterSeconds` is undefined when waiting does not
 * help, as the amount alone is over `max`. The amount is the value of an argument, so the reason never shows it.
 */
export function limitRefusal(
  reservation: Reservation,
  tool: string,
  retryAfterSeconds: number | undefined,
): Readonly<{ rule: string; reason: string }> {
  const { max, window, amount, pointer, reason } = reservation;
  const cap = `${max} per ${windowText(window)}`;
  const retry = retryAfterSeconds === undefined ? '' : `; try again in ${retryAfterSeconds} s`;
  const usual =
    amount > max ? `${tool}: this call alone is over the limit of ${cap}` : `${tool}: ${cap} used up${retry}`;
  return { rule: pointer, reason: reason ?? usual };
}

/**
 * The full name of a counter: organization, scope, whom, window, counter. The counter comes last, since it alone may
 * contain any character.
 */
export function counterName(
  organizationId: string,
  { scope, whom, window, counter }: Pick<Reservation, 'scope' | 'whom' | 'window' | 'counter'>,
): string {
  return `${organizationId}|${scope}|${whom}|${window}|${counter}`;
}

/** The name of a counter without whom it counts. Scope and window contain no spaces, so no two counters share a key. */
export function counterKey({
  counter,
  window,
  scope = DEFAULT_SCOPE,
}: Pick<LimitRule, 'counter' | 'window' | 'scope'>): string {
  return `${scope} ${window} ${counter}`;
}

function pathOf(text: string): Path {
  const path = parseArgumentPath(text);
  if (path === undefined) throw new Error('increment_from is not an argument path: the document was not parsed');
  return path;
}

/** The amount to spend: undefined for anything but a finite number of 0 or more, infinity when it is `unkept`. */
function amountAt(callArguments: unknown, path: Path, work: Work): number | undefined {
  const value = readArgument(callArguments, path, work);
  if (value === unkept) return Number.POSITIVE_INFINITY;
  // Math.abs turns -0 into 0.
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.abs(value) : undefined;
}
