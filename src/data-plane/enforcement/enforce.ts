import { switchedOff } from '../directory/facts.js';
import { refusedName } from '../directory/tool-names.js';
import type { DecisionCode, ToolCallCompleted, ToolCallDecided } from '../../record/event-log/events/index.js';
import { outcomeId } from '../../record/event-log/outcome-id.js';
import { newId } from '../../platform/crypto/ids.js';
import { isoTime } from '../../platform/runtime/iso-time.js';
import { MAX_WAIT_BEFORE_JUDGED_MS } from '../../platform/fair-shares/data-plane-quotas.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import { Slots } from '../../platform/runtime/slots.js';
import {
  decide,
  limitRefusal,
  monitorReason,
  type Decision,
  type Facts,
  type Reservation,
} from '../../policy-engine/decide.js';
import { askFor, awaiting, told, unaskable, unavailable, type Approvals } from './approvals.js';
import { toolOf, type Decided, type GovernedCall, type Judged, type Outcome, type Verdict } from './call.js';
import { CallFacts, preparationFor, schemaFor } from './call-facts.js';
import type { Epoch } from './open-calls.js';
import type { Recorder } from './recorder.js';
import type { Reserve } from './reserve.js';
import { shadowOf } from './shadow.js';
import { toRecord, type Ids, type Made } from './to-record.js';

/** `isStale`: this process may have missed changes, or others may count it as dead. */
/** `calls` counts those that are under way. */
type Parts = Readonly<{
  calls: Quota;
  reserve: Reserve;
  approvals: Approvals;
  recorder: Recorder;
  isStale: () => boolean;
  now: () => number;
}>;

/** What people can be asked about. Neither a subscription nor each key of a completion is worth asking for. */
const HOLDABLE: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get']);

const APPROVAL_TRIES = 3;

/** What judging a call anew takes. */
type Approving = Readonly<{ callId: string; inputSchema: Facts['inputSchema'] }>;

const nothing = (): void => undefined;
const nothingReserved: readonly Reservation[] = [];

const refusal = (code: DecisionCode, reason: string): Judged => ({ effect: 'deny', code, rule: null, reason });

const auditUnavailable = refusal(
  'audit_unavailable',
  'the decision could not be put on record, so the call was not made; try again shortly',
);
const limitsUnavailable = refusal(
  'limits_unavailable',
  'the counters of this policy are out of reach; try again shortly',
);

const stale = refusal('stale_directory', 'the gateway has lost touch with its database; try again shortly');

const newIds = (now: number): Ids => ({ id: newId('evt', now), callId: newId('call', now), time: isoTime(now) });

const waitedTooLong =
  `the call waited over ${MAX_WAIT_BEFORE_JUDGED_MS / 1000} s before it could be judged, so it was ` +
  'not made; the gateway has more to do than it can, try again later';

const hasWaitedTooLong = ({ readAtMs }: GovernedCall, nowMs: number): boolean =>
  nowMs - readAtMs > MAX_WAIT_BEFORE_JUDGED_MS;

/** Why one request more of a kind is too much, and what to do. */
const excess = ({ limits }: Quota, exceeded: Exceeded): string => {
  if (exceeded === 'grant')
    return (
      `this grant has ${limits.grant.count} requests of this kind under way already; wait until some ` +
      'have ended, then try again'
    );
  if (exceeded === 'organization')
    return (
      `your organization has ${limits.organization.count} requests of this kind under way already; wait ` +
      'until some have ended, then try again'
    );
  return (
    'the gateway has so many requests under way that your organization has its share of them; wait ' +
    'until some have ended, then try again'
  );
};

/** What refuses before the policy is asked. */
const precondition = (call: GovernedCall, { definition }: CallFacts, isStale: boolean): Judged | undefined => {
  const { who } = call;
  if (call.tool === null) return refusal('method_not_governed', `${call.method} is not offered through this gateway`);
  const tool = toolOf(call);
  const misread = tool === null || definition !== undefined ? undefined : refusedName(who.server, tool);
  if (misread !== undefined) return refusal('malformed', misread);
  const off = switchedOff(who, tool);
  if (off !== undefined) return refusal('disabled', off);
  if (!who.policy) return refusal('no_policy', 'this grant has no policy; ask your administrator to attach one');
  return isStale ? stale : undefined;
};

const judge = ({ who }: GovernedCall, facts: Facts): Decision | undefined =>
  who.policy && decide(who.policy.compiled, facts, who.policy.pins);

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
          ? this.#approve(call, decision, { callId: ids.callId, inputSchema })
          : this.#reserve(call, decision);
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
      this.#complete({
        call,
        ids,
        now,
        epoch,
        outcome: { status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false },
        release,
      });
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

  /**
   * Reserves what an allowed call needs. In monitor mode a limit that refuses is only told: the call counts all the
   * same, and passes also when nobody can count.
   */
  #reserve(
    call: GovernedCall,
    decision: Judged & Partial<Pick<Decision, 'reservations'>>,
  ): Reserved | Promise<Reserved> {
    const reservations = call.uncounted ? nothingReserved : (decision.reservations ?? nothingReserved);
    return reservations.length === 0
      ? { judged: decision, reservations, release: nothing }
      : this.#reserveAll(call, decision, reservations);
  }

  async #reserveAll(call: GovernedCall, decision: Judged, reservations: readonly Reservation[]): Promise<Reserved> {
    const organizationId = call.who.organization.id;
    const held = await this.#parts.reserve({ organizationId, reservations, capped: true });
    if (held.ok) return { judged: decision, reservations, release: held.release, durable: held.durable };
    const refused = limitRefused(call.tool ?? '', held);
    if (call.who.policy?.compiled.mode !== 'monitor') return { judged: refused, reservations: [], release: nothing };
    const counted =
      'unavailable' in held ? held : await this.#parts.reserve({ organizationId, reservations, capped: false });
    const judged: Judged = {
      ...decision,
      reason: monitorReason(refused.reason),
      would: { effect: 'deny', code: refused.code, rule: refused.rule },
    };
    return counted.ok
      ? { judged, reservations, release: counted.release, durable: counted.durable }
      : { judged, reservations: [], release: nothing };
  }

  /**
   * What became of the approval that a held call needs. One that is approved is used, once, after the limits are
   * reserved: a call that they refuse doesn't use it. The call is judged anew with it. What gives back the limits gives
   * back the use too. Nothing but the append may take time after it is known that this process is not stale.
   */
  async #approve(
    call: GovernedCall,
    held: Judged & Partial<Pick<Decision, 'approval'>>,
    { callId, inputSchema }: Approving,
  ): Promise<Reserved> {
    const { approvals } = this.#parts;
    if (!HOLDABLE.has(call.method)) return { judged: unaskable(call, held), reservations: [], release: nothing };
    const asked = askFor(call, held);
    for (let tries = 0; tries < APPROVAL_TRIES; tries += 1) {
      const standing = await approvals.standing(asked);
      if (standing.status !== 'approved')
        return { judged: awaiting(call, asked, standing, this.#parts.now()), reservations: [], release: nothing };
      const { approvalId } = standing;
      const again = judge(call, new CallFacts(call, this.#parts.now(), inputSchema, true));
      if (again?.effect !== 'allow')
        return { judged: { ...(again ?? held), approvalId }, reservations: [], release: nothing };
      const reserved = await this.#reserve(call, again);
      if (reserved.judged.effect !== 'allow') return { ...reserved, judged: { ...reserved.judged, approvalId } };
      const use = { organizationId: call.who.organization.id, approvalId, callId };
      const release = (): void => {
        reserved.release();
        approvals.giveBack(use);
      };
      const used = await approvals.use(use);
      if (used === true && !this.#parts.isStale())
        return { ...reserved, judged: { ...reserved.judged, approvalId }, release };
      if (used === true) {
        release();
        return { judged: { ...stale, approvalId }, reservations: [], release: nothing };
      }
      reserved.release();
      if (used === undefined) break;
      // Another call used it: this one asks anew.
    }
    return { judged: unavailable(call, held), reservations: [], release: nothing };
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

type Reserved = Readonly<{
  judged: Judged;
  reservations: readonly Reservation[];
  release: () => void;
  durable?: Promise<boolean> | undefined;
}>;
type Complete = Extract<Verdict, { allowed: true }>['complete'];
type Ending = Readonly<{
  call: GovernedCall;
  ids: Ids;
  now: number;
  epoch: Epoch;
  outcome: Outcome;
  release: () => void;
}>;

const limitRefused = (tool: string, held: Extract<Awaited<ReturnType<Reserve>>, { ok: false }>): Judged => {
  if ('unavailable' in held) return limitsUnavailable;
  const { rule, reason } = limitRefusal(held.reservation, tool, held.retryAfterSeconds);
  return {
    ...refusal('rate_limited', reason),
    rule,
    ...(held.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: held.retryAfterSeconds }),
  };
};
