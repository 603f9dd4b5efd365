import { argumentKeys } from '../../src/data-plane/enforcement/digest.js';
import { compilePolicy, type CompiledPolicy } from '../../src/policy-engine/compile.js';
import { decide, limitRefusal, type Decision, type Facts, type Reservation } from '../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../src/policy-engine/document.js';
import type { RecordedDecision } from '../../src/policy-engine/replay/recorded-decision.js';
import { windowBounds } from '../../src/policy-engine/windows.js';

/** What enforcing a policy made of a call, limits included, and the decision as the record keeps it. */
export type Made = Readonly<{
  effect: Decision['effect'];
  code: string;
  rule: string | null;
  recorded: RecordedDecision;
  reserved: readonly Reservation[];
}>;

const DIGITS = 400;

/** A number's decimal as a whole count of its 400th digit, so that sums are exact. */
const exact = (number: number): bigint => {
  const [digits = '', exponent = '0'] = String(number).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  return BigInt(whole + fraction) * 10n ** BigInt(DIGITS + Number(exponent) - fraction.length);
};

/** The plainest store of limits there can be: what migrations/0004 promises, for one call at a time. */
class Store {
  readonly #used = new Map<string, Readonly<{ startMs: number; used: bigint }>>();

  reserve(reservations: readonly Reservation[], now: Date, capped: boolean): Reservation | undefined {
    const refused = reservations.find((one) => exact(one.max) < this.#usedOf(one, now).used + exact(one.amount));
    if (refused && capped) return refused;
    for (const [key, one] of new Map(reservations.map((each) => [keyOf(each), each]))) {
      const { startMs, used } = this.#usedOf(one, now);
      this.#used.set(key, { startMs, used: used + exact(one.amount) });
    }
    return refused;
  }

  giveBack(reserved: readonly Reservation[], at: Date): void {
    for (const [key, one] of new Map(reserved.map((each) => [keyOf(each), each]))) {
      const known = this.#used.get(key);
      if (known?.startMs !== windowBounds(one.window, at).startMs) continue;
      const left = known.used - exact(one.amount);
      this.#used.set(key, { ...known, used: left < 0n ? 0n : left });
    }
  }

  #usedOf(one: Reservation, now: Date): Readonly<{ startMs: number; used: bigint }> {
    const { startMs } = windowBounds(one.window, now);
    const known = this.#used.get(keyOf(one));
    return known?.startMs === startMs ? known : { startMs, used: 0n };
  }
}

const keyOf = ({ scope, whom, window, counter }: Reservation): string => JSON.stringify([scope, whom, window, counter]);

/** Which calls give back what they reserved, by their places: each before the call at the other place. */
export type GivenBack = ReadonlyMap<number, number>;

/** Enforces a policy on calls one after the other, as the gateway does, without a gateway. */
export const enforceAll = (
  document: PolicyDocument,
  calls: readonly Facts[],
  givenBack: GivenBack = new Map(),
): readonly Made[] => {
  const policy = compilePolicy(document);
  const store = new Store();
  const all: Made[] = [];
  for (const [index, facts] of calls.entries()) {
    for (const [place, before] of givenBack) {
      const made = all[place];
      if (before === index && made) store.giveBack(made.reserved, made.recorded.facts.now);
    }
    all.push(enforceOne(policy, store, facts, String(index)));
  }
  return all;
};

const enforceOne = (policy: CompiledPolicy, store: Store, facts: Facts, callId: string): Made => {
  const decision = decide(policy, facts);
  const { effect, code, rule, reservations, would } = decision;
  const made = (
    more: Readonly<{
      effect: Decision['effect'];
      code: string;
      rule: string | null;
      would?: Decision['would'];
      reserved: readonly Reservation[];
    }>,
  ): Made => {
    const refusedBy = more.would?.rule ?? (more.effect === 'allow' ? null : more.rule);
    const { arguments: given, amounts: _amounts, inputSchema: _schema, ...kept } = facts;
    const recorded = {
      callId,
      facts: kept,
      argumentKeys: argumentKeys(given),
      hasArguments: given !== undefined,
      counts: 'surely' as const,
      reserved: more.reserved,
      under: { policy, refusedBy },
    };
    return { effect: more.effect, code: more.code, rule: more.rule, recorded, reserved: more.reserved };
  };
  if (effect !== 'allow') return made({ effect, code, rule, reserved: [] });
  const refused = store.reserve(reservations, facts.now, policy.mode === 'enforce');
  if (refused === undefined) return made({ effect, code, rule, would, reserved: reservations });
  const { rule: by } = limitRefusal(refused, facts.tool, undefined);
  if (policy.mode === 'enforce') return made({ effect: 'deny', code: 'rate_limited', rule: by, reserved: [] });
  return made({
    effect,
    code,
    rule,
    would: { effect: 'deny', code: 'rate_limited', rule: by },
    reserved: reservations,
  });
};
