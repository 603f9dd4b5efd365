import type { CompiledPolicy } from '../../../policy-engine/compile.js';
import {
  decideWithTrace,
  limitRefusal,
  monitorReason,
  type CompiledSchema,
  type Decision,
  type Facts,
  type Reservation,
} from '../../../policy-engine/decide.js';
import { Counters } from '../../../policy-engine/replay/counters.js';
import { windowBounds } from '../../../policy-engine/windows.js';
import type { Coverage } from './coverage.js';
import type { CallInput, CaseInput, Expected } from './read-cases.js';

/** What a document says of a call, limits included. */
export type Judged = Pick<Decision, 'effect' | 'code' | 'rule' | 'reason' | 'would'> &
  Readonly<{ retryAfterSeconds?: number }>;

/** One thing that was expected otherwise. */
export type Difference = Readonly<{
  member: 'effect' | 'code' | 'rule';
  expected: string | null;
  actual: string | null;
}>;

export type CaseResult = Readonly<{ name: string; passed: boolean; differs: readonly Difference[] }> & Judged;

/** What cases are judged by. `schemaOf` answers a tool's own schema, if it is known. */
export type CaseContext = Readonly<{
  policy: CompiledPolicy;
  coverage: Coverage;
  organizationId: string;
  serverId: string;
  now: Date;
  schemaOf: (tool: string) => CompiledSchema | undefined;
}>;

/** The one grant and session of a case. */
const GRANT = 'grt_case';
const SESSION = 'ses_case';

const factsOf = (
  { organizationId, serverId, schemaOf }: CaseContext,
  { identity = {}, request = {}, client = {} }: CaseInput,
  call: CallInput,
  now: Date,
): Facts => {
  const { kind = 'tool', tool, approved = false } = call;
  const { name = '', kind: identityKind = 'agent', attributes = {} } = identity;
  return {
    kind,
    tool,
    arguments: kind === 'resource' ? { uri: tool } : call.arguments,
    identity: { id: 'idn_case', name, kind: identityKind, attributes },
    organizationId,
    grantId: GRANT,
    serverId,
    sessionId: SESSION,
    ...(request.ip === undefined ? {} : { sourceIp: request.ip }),
    ...(client.name === undefined ? {} : { clientName: client.name }),
    get inputSchema() {
      return kind === 'tool' ? schemaOf(tool) : undefined;
    },
    approved,
    now,
  };
};

/** The refusal by limits: the first is named, and the call is refused until the last one opens. */
const limitRefused = (tool: string, refusing: readonly [Reservation, ...Reservation[]], now: Date): Judged => {
  const [by] = refusing;
  const isNever = refusing.some(({ amount, max }) => amount > max);
  const opensMs = Math.max(...refusing.map(({ window }) => windowBounds(window, now).endMs));
  const seconds = isNever ? undefined : Math.max(1, Math.ceil((opensMs - now.getTime()) / 1000));
  const { rule, reason } = limitRefusal(by, tool, seconds);
  return {
    effect: 'deny',
    code: 'rate_limited',
    rule,
    reason,
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  };
};

/** Judges one call and counts it, as the gateway would. */
const judge = (setting: CaseContext, counters: Counters, facts: Facts): Judged => {
  const { decision, trace } = decideWithTrace(setting.policy, facts);
  const { effect, code, rule, reason, would, reservations } = decision;
  const judged: Judged = { effect, code, rule, reason, ...(would ? { would } : {}) };
  const [first, ...others] = counters.refusing(reservations, facts.now);
  const refusal = first && limitRefused(facts.tool, [first, ...others], facts.now);
  setting.coverage.note(trace, refusal?.rule ?? undefined);
  if (refusal && setting.policy.mode === 'enforce') return refusal;
  counters.add(reservations, facts.now, true);
  return refusal && !would
    ? {
        ...judged,
        reason: monitorReason(refusal.reason),
        would: { effect: 'deny', code: refusal.code, rule: refusal.rule },
      }
    : judged;
};

const differences = (expected: Expected, judged: Judged): readonly Difference[] =>
  (['effect', 'code', 'rule'] as const).flatMap((member) => {
    const [wanted, actual] = [expected[member], judged[member]];
    return wanted === undefined || wanted === actual ? [] : [{ member, expected: wanted, actual }];
  });

/**
 * Runs a case: the calls before it, then its own; the last repetition is what counts. Yields between calls, so that its
 * caller may do other things.
 */
export function* runCase(setting: CaseContext, one: CaseInput): Generator<undefined, CaseResult> {
  const counters = new Counters();
  const start = one.time === undefined ? setting.now : new Date(one.time);
  let judged: Judged | undefined;
  for (const call of [...(one.before ?? []), one]) {
    const facts = factsOf(setting, one, call, call.time === undefined ? start : new Date(call.time));
    for (let made = 0; made < (call.repeat ?? 1); made += 1) {
      judged = judge(setting, counters, facts);
      yield;
    }
  }
  if (judged === undefined) throw new Error('a case without a call');
  const differs = differences(one.expect, judged);
  return { name: one.name, passed: differs.length === 0, differs, ...judged };
}
