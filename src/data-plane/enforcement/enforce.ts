import type { ToolCallCompleted, ToolCallDecided } from '../../record/event-log/events/index.js';
import { outcomeId } from '../../record/event-log/outcome-id.js';
import { newId } from '../../platform/crypto/ids.js';
import { isoTime } from '../../platform/runtime/iso-time.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import { Slots } from '../../platform/runtime/slots.js';
import type { Decision, Facts } from '../../policy-engine/decide.js';
import { told, type Approvals } from './request-approval.js';
import type { Decided, GovernedCall, Judged, Outcome, Verdict } from './call.js';
import { CallFacts, preparationFor, schemaFor } from './call-facts.js';
import { judge } from './judge.js';
import type { Epoch } from './open-calls.js';
import type { Recorder } from './recorder.js';
import {
  auditUnavailable,
  excess,
  hasWaitedTooLong,
  limitsUnavailable,
  precondition,
  refusal,
  waitedTooLong,
} from './refusals.js';
import { reserveLimits } from './reserve-limits.js';
import type { Reserve } from './reserve.js';
import { shadowOf } from './shadow.js';
import { toRecord, type Ids, type Made } from './to-record.js';
import { useApproval } from './use-approval.js';

/**
 * `isStale`: this process may have missed changes, or others may count it as dead. `calls` counts those that are under
 * way.
 */
type Parts = Readonly<{
  calls: Quota;
  reserve: Reserve;
  approvals: Approvals;
  recorder: Recorder;
  isStale: () => boolean;
  now: () => number;
}>;

const NOT_FORWARDED: Outcome = { status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false };

const newIds = (now: number): Ids => ({ id: newId('evt', now), callId: newId('call', now), time: isoTime(now) });

const judgeWithPolicy = (call: GovernedCall, facts: Facts): Judged & Partial<Pick<Decision, 'reservations'>> =>
  judge(call, facts) ?? refusal('no_policy', 'this grant has no policy');

/** A shadow answers where a policy is asked, also for a grant that has no other. */
const shadowFor = (
  { who }: GovernedCall,
  facts: Facts,
  decision: Judged,
  refused: Judged | undefined,
): ToolCallDecided['shadow'] =>
  who.shadow === undefined || (refused !== undefined && refused.code !== 'no_policy')
    ? undefined
    : shadowOf(who.shadow, facts, decision.effect);

/** The answer for the agent, and for the record. */
const decidedOf = (ids: Readonly<{ id: string; callId: string }>, judged: Judged): Decided => ({
  id: ids.id,
  callId: ids.callId,
  effect: judged.effect,
  code: judged.code,
  rule: judged.rule,
  reason: judged.reason,
  retryAfterSeconds: judged.retryAfterSeconds,
  approvalId: judged.approvalId,
});

/**
 * Decides a call, reserves its limits, appends the decision and waits for the acknowledgement: an `allowed` verdict is
 * on record before its caller can forward anything. A refusal is on record too, or waits in the recorder's queue when
 * the log is away. Never rejects for an expected failure.
 */
export class Enforcement {
  readonly #parts: Parts;
  readonly #underWay = new Slots<Complete>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Ends the calls that are still under way as `unknown`: this process will not see how they end. */
  stop(): void {
    for (const complete of this.#underWay.members())
      complete({ status: 'unknown', upstreamStatus: null, responseBytes: 0, sent: true });
  }

  enforce(call: GovernedCall): Promise<Verdict> {
    const began = performance.now();
    if (hasWaitedTooLong(call, began)) return this.#refuseOverloaded(call, waitedTooLong);
    const { organization, grant } = call.who;
    const exceeded = this.#parts.calls.take(organization.id, grant.id);
    return exceeded === undefined
      ? this.#decideWhenPrepared(call, began)
      : this.refuseExcess(call, this.#parts.calls, exceeded);
  }

  /** Records a request that was refused because there are too many of its kind. */
  refuseExcess(call: GovernedCall, quota: Quota, exceeded: Exceeded): Promise<Verdict> {
    return this.#refuseOverloaded(call, excess(quota, exceeded));
  }

  /** What the first calls under a policy need is made before they are judged, while others are served. */
  #decideWhenPrepared(call: GovernedCall, began: number): Promise<Verdict> {
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
  ): Promise<Verdict> {
    let inputSchema: Facts['inputSchema'];
    try {
      [inputSchema] = await prepared;
    } catch (error) {
      this.#leave(call);
      throw error;
    }
    if (!hasWaitedTooLong(call, performance.now())) return this.#decide(call, began, inputSchema);
    this.#leave(call);
    return this.#refuseOverloaded(call, waitedTooLong);
  }

  /**
   * The call has its place, and gives it back unless it is allowed: then with its outcome, or, when a stream follows
   * that is counted as such, here.
   */
  async #decide(call: GovernedCall, began: number, inputSchema: Facts['inputSchema']): Promise<Verdict> {
    let isUnderWay = false;
    try {
      const now = this.#parts.now();
      const ids = newIds(now);
      const facts = new CallFacts(call, now, inputSchema);
      const refused = precondition(call, facts, this.#parts.isStale());
      const decision: Judged & Partial<Pick<Decision, 'reservations'>> = refused ?? judgeWithPolicy(call, facts);
      const micros = Math.round((performance.now() - began) * 1000);
      const made: Made = { ids, micros, shadow: shadowFor(call, facts, decision, refused) };
      if (decision.effect === 'deny') return await this.#refuse(call, decision, made);
      // Nothing is awaited where nothing is to be done: each turn through the promises costs a call a microsecond.
      const reserved =
        decision.effect === 'hold'
          ? useApproval(this.#parts, call, decision, { callId: ids.callId, inputSchema })
          : reserveLimits(this.#parts.reserve, call, decision);
      const { judged, reservations, release, durable } = reserved instanceof Promise ? await reserved : reserved;
      if (judged.effect !== 'allow') return await this.#refuse(call, judged, made);
      const epoch = this.#parts.recorder.openCalls.enter();
      const record =
        decision.effect === 'hold'
          ? { ...made, shadow: shadowFor(call, new CallFacts(call, now, inputSchema, true), judged, refused) }
          : made;
      const onRecord = await this.#parts.recorder.recordAllow(toRecord(call, judged, record, reservations));
      const isKept = durable === undefined || (await durable);
      if (onRecord && isKept) {
        isUnderWay = call.standing !== true;
        return {
          allowed: true,
          decided: decidedOf(ids, judged),
          complete: this.#begin((outcome) => this.#end({ call, ids, now, epoch, outcome, release })),
        };
      }
      this.#complete({ call, ids, now, epoch, outcome: NOT_FORWARDED, release });
      return { allowed: false, decided: decidedOf(ids, onRecord ? limitsUnavailable : auditUnavailable) };
    } finally {
      if (!isUnderWay) this.#leave(call);
    }
  }

  #leave({ who }: GovernedCall): void {
    this.#parts.calls.free(who.organization.id, who.grant.id);
  }

  #end(ending: Ending): void {
    if (ending.call.standing !== true) this.#leave(ending.call);
    this.#complete(ending);
  }

  #refuseOverloaded(call: GovernedCall, reason: string): Promise<Verdict> {
    return this.#refuse(call, refusal('overloaded', reason), {
      ids: newIds(this.#parts.now()),
      micros: 0,
      shadow: undefined,
    });
  }

  /** Records a request that was refused before it could be judged, such as a malformed body. */
  async refuseUnread(call: GovernedCall, code: 'malformed', reason: string): Promise<Decided> {
    const { decided } = await this.#refuse(call, refusal(code, reason), {
      ids: newIds(this.#parts.now()),
      micros: 0,
      shadow: undefined,
    });
    return decided;
  }

  async #refuse(call: GovernedCall, judged: Judged, made: Made): Promise<Verdict> {
    await this.#parts.recorder.recordRefusal(toRecord(call, judged, made, []));
    return { allowed: false, decided: decidedOf(made.ids, told(call, judged)), waiting: judged.waiting };
  }

  /** A call has one outcome: the first. */
  #begin(end: Complete): Complete {
    let ended = false;
    const complete: Complete = (outcome) => {
      if (ended) return;
      ended = true;
      this.#underWay.remove(at);
      end(outcome);
    };
    const at = this.#underWay.add(complete);
    return complete;
  }

  #complete({ call, ids, now, epoch, outcome, release }: Ending): void {
    if (!outcome.sent) release();
    const ended = this.#parts.now();
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
    this.#parts.recorder.recordOutcome(completed, epoch);
  }
}

type Complete = Extract<Verdict, { allowed: true }>['complete'];
type Ending = Readonly<{
  call: GovernedCall;
  ids: Ids;
  now: number;
  epoch: Epoch;
  outcome: Outcome;
  release: () => void;
}>;
