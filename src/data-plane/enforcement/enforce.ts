import type { ToolCallCompleted, ToolCallDecided } from '../../record/event-log/events/index.js';
import { outcomeId } from '../../record/event-log/outcome-id.js';
import { newId } from '../../platform/crypto/ids.js';
import { isoTime } from '../../platform/runtime/iso-time.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import { FreeList } from '../../platform/runtime/free-list.js';
import type { Decision, Facts } from '../../policy-engine/decide.js';
import { reasonForAgent } from './approval-decisions.js';
import type { BoundedApprovals } from './request-approval.js';
import type {
  AllowedCall,
  ApprovalWait,
  EnforcedCall,
  GovernedCall,
  Outcome,
  RecordedDecision,
  RefusedCall,
} from './call.js';
import { CallFacts, preparationFor, schemaFor } from './call-facts.js';
import { judge } from './judge.js';
import type { Epoch } from './open-calls.js';
import type { Recorder } from './recorder.js';
import {
  AUDIT_UNAVAILABLE,
  findRefusal,
  hasWaitedTooLong,
  LIMITS_UNAVAILABLE,
  quotaExceededReason,
  refusal,
  WAITED_TOO_LONG,
} from './refusals.js';
import { reserveLimits } from './reserve-limits.js';
import type { Reserve } from './reserve.js';
import { shadowOf } from './shadow.js';
import { toRecord, type DecisionIds, type RecordContext } from './to-record.js';
import { useApproval } from './use-approval.js';

/**
 * `isStale`: this process may have missed changes, or others may count it as dead. `calls` counts those that are under
 * way.
 */
type EnforcementDeps = Readonly<{
  calls: Quota;
  reserve: Reserve;
  approvals: BoundedApprovals;
  recorder: Recorder;
  isStale: () => boolean;
  now: () => number;
}>;

const NOT_FORWARDED: Outcome = { status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false };

const newIds = (now: number): DecisionIds => ({
  id: newId('evt', now),
  callId: newId('call', now),
  time: isoTime(now),
});

/** A shadow answers where a policy is asked, also for a grant that has no other. */
const shadowFor = (
  { who }: GovernedCall,
  facts: Facts,
  decision: Decision,
  refused: Decision | undefined,
): ToolCallDecided['shadow'] =>
  who.shadow === undefined || (refused !== undefined && refused.code !== 'no_policy')
    ? undefined
    : shadowOf(who.shadow, facts, decision.effect);

const recorded = ({ id, callId }: DecisionIds, decision: Decision, reason: string): RecordedDecision => ({
  id,
  callId,
  effect: decision.effect,
  code: decision.code,
  rule: decision.rule,
  reason,
  retryAfterSeconds: decision.retryAfterSeconds,
  approvalId: decision.approvalId,
});

/**
 * Decides a call, reserves its limits, appends the decision and waits for the acknowledgement: the decision on an
 * allowed call is on record before anybody can forward the call. A refusal is on record too, or waits in the recorder's
 * queue when the log is away. Never rejects for an expected failure.
 */
export class Enforcement {
  readonly #deps: EnforcementDeps;
  readonly #underWay = new FreeList<CompleteCall>();

  constructor(deps: EnforcementDeps) {
    this.#deps = deps;
  }

  /** Ends the calls that are still under way as `unknown`: this process will not see how they end. */
  stop(): void {
    for (const complete of this.#underWay.members())
      complete({ status: 'unknown', upstreamStatus: null, responseBytes: 0, sent: true });
  }

  enforce(call: GovernedCall): Promise<EnforcedCall> {
    const began = performance.now();
    if (hasWaitedTooLong(call, began)) return this.#refuseOverloaded(call, WAITED_TOO_LONG);
    const { organization, grant } = call.who;
    const exceeded = this.#deps.calls.take(organization.id, grant.id);
    return exceeded === undefined
      ? this.#decideWhenPrepared(call, began)
      : this.refuseExcess(call, this.#deps.calls, exceeded);
  }

  /** Records a request that was refused because there are too many of its kind. */
  refuseExcess(call: GovernedCall, quota: Quota, exceeded: Exceeded): Promise<RefusedCall> {
    return this.#refuseOverloaded(call, quotaExceededReason(quota, exceeded));
  }

  /** What the first calls under a policy need is made before they are judged, while others are served. */
  #decideWhenPrepared(call: GovernedCall, began: number): Promise<EnforcedCall> {
    const schema = schemaFor(call);
    const preparation = preparationFor(call);
    if (schema instanceof Promise || preparation !== undefined)
      return this.#prepareAndDecide(call, began, Promise.all([schema, preparation]));
    return this.#decide(call, began, schema);
  }

  async #prepareAndDecide(
    call: GovernedCall,
    began: number,
    prepared: Promise<readonly [Facts['inputSchema'], unknown]>,
  ): Promise<EnforcedCall> {
    let inputSchema: Facts['inputSchema'];
    try {
      [inputSchema] = await prepared;
    } catch (error) {
      this.#leave(call);
      throw error;
    }
    if (!hasWaitedTooLong(call, performance.now())) return this.#decide(call, began, inputSchema);
    this.#leave(call);
    return this.#refuseOverloaded(call, WAITED_TOO_LONG);
  }

  /**
   * The call has its place in the quota. It gives the place back here, or, when it is allowed, with its outcome; a
   * stream that follows has a place of its own.
   */
  async #decide(call: GovernedCall, began: number, inputSchema: Facts['inputSchema']): Promise<EnforcedCall> {
    let isUnderWay = false;
    try {
      const now = this.#deps.now();
      const ids = newIds(now);
      const facts = new CallFacts(call, now, inputSchema);
      const refused = findRefusal(call, facts, this.#deps.isStale());
      const judged = refused ?? judge(call, facts);
      const decisionMicros = Math.round((performance.now() - began) * 1000);
      const context: RecordContext = { ids, decisionMicros, shadow: shadowFor(call, facts, judged, refused) };
      if (judged.effect === 'deny') return await this.#refuse(call, judged, context);
      // Nothing is awaited where nothing is to be done: each turn through the promises costs a call a microsecond.
      const pending =
        judged.effect === 'hold'
          ? useApproval(this.#deps, call, judged, { callId: ids.callId, inputSchema })
          : reserveLimits(this.#deps.reserve, call, judged);
      const reserved = pending instanceof Promise ? await pending : pending;
      const { decision, release } = reserved;
      if (decision.effect !== 'allow') return await this.#refuse(call, decision, context, reserved.wait);
      const epoch = this.#deps.recorder.openCalls.enter();
      const record =
        judged.effect === 'hold'
          ? { ...context, shadow: shadowFor(call, new CallFacts(call, now, inputSchema, true), decision, refused) }
          : context;
      const onRecord = await this.#deps.recorder.recordAllow(toRecord(call, decision, record));
      const isDurable = reserved.durable === undefined || (await reserved.durable);
      if (!onRecord || !isDurable) {
        this.#complete({ call, ids, now, epoch, outcome: NOT_FORWARDED, release });
        const refusedLate = onRecord ? LIMITS_UNAVAILABLE : AUDIT_UNAVAILABLE;
        return { allowed: false, decision: recorded(ids, refusedLate, refusedLate.reason) };
      }
      isUnderWay = call.standing !== true;
      const complete = this.#begin((outcome) => this.#end({ call, ids, now, epoch, outcome, release }));
      return { allowed: true, decision: recorded(ids, decision, decision.reason), complete };
    } finally {
      if (!isUnderWay) this.#leave(call);
    }
  }

  #leave({ who }: GovernedCall): void {
    this.#deps.calls.free(who.organization.id, who.grant.id);
  }

  #end(ending: EndedCall): void {
    if (ending.call.standing !== true) this.#leave(ending.call);
    this.#complete(ending);
  }

  #refuseOverloaded(call: GovernedCall, reason: string): Promise<RefusedCall> {
    return this.#refuse(call, refusal('overloaded', reason), this.#unjudged());
  }

  /** Records a request that was refused before it could be judged, such as a malformed body. */
  async refuseUnread(call: GovernedCall, code: 'malformed', reason: string): Promise<RecordedDecision> {
    return (await this.#refuse(call, refusal(code, reason), this.#unjudged())).decision;
  }

  #unjudged(): RecordContext {
    return { ids: newIds(this.#deps.now()), decisionMicros: 0, shadow: undefined };
  }

  async #refuse(
    call: GovernedCall,
    refused: Decision,
    context: RecordContext,
    wait?: ApprovalWait,
  ): Promise<RefusedCall> {
    await this.#deps.recorder.recordRefusal(toRecord(call, refused, context));
    return { allowed: false, decision: recorded(context.ids, refused, reasonForAgent(call, refused)), wait };
  }

  /** A call has one outcome: the first. */
  #begin(end: CompleteCall): CompleteCall {
    let ended = false;
    const complete: CompleteCall = (outcome) => {
      if (ended) return;
      ended = true;
      this.#underWay.remove(at);
      end(outcome);
    };
    const at = this.#underWay.add(complete);
    return complete;
  }

  #complete({ call, ids, now, epoch, outcome, release }: EndedCall): void {
    if (!outcome.sent) release();
    const ended = this.#deps.now();
    const completed: ToolCallCompleted = {
      id: outcomeId(ids.callId),
      type: 'toolCall.completed',
      version: 1,
      time: isoTime(ended),
      organizationId: call.who.organization.id,
      callId: ids.callId,
      grantId: call.who.grant.id,
      identityId: call.who.identity.id,
      serverId: call.who.server.id,
      tool: call.tool,
      status: outcome.status,
      upstreamStatus: outcome.upstreamStatus,
      durationMs: Math.max(0, ended - now),
      responseBytes: outcome.responseBytes,
    };
    this.#deps.recorder.recordOutcome(completed, epoch);
  }
}

type CompleteCall = AllowedCall['complete'];
type EndedCall = Readonly<{
  call: GovernedCall;
  ids: DecisionIds;
  now: number;
  epoch: Epoch;
  outcome: Outcome;
  release: () => void;
}>;
