import type { DecisionCode, ToolCallDecided } from '../../record/event-log/events/index.js';
import type { Unnumbered } from '../../record/event-log/event-text.js';
import type { Code, Decision } from '../../policy-engine/decide.js';
import { toolOf, type GovernedCall } from './call.js';
import { argumentKeys, argumentsDigest } from './digest.js';

export type DecisionIds = Readonly<{ id: string; callId: string; time: string }>;

type SameCodes = [Code, DecisionCode] extends [DecisionCode, Code] ? true : never;
/** The engine and the record list the same codes: this line compiles only while they do. */
export const ENGINE_AND_RECORD_AGREE: SameCodes = true;

/** What the record says of a decision beside the decision: its ids, how long it took, how the shadow policy differs. */
export type RecordContext = Readonly<{ ids: DecisionIds; decisionMicros: number; shadow: ToolCallDecided['shadow'] }>;

/**
 * The record of a decision: who, what, under which rule, and how it came out. Argument values stay behind, but for the
 * amounts in `reserved`.
 */
export const toRecord = (call: GovernedCall, decision: Decision, context: RecordContext): Unnumbered => {
  const { grant, organization, identity, server, policy } = call.who;
  return {
    id: context.ids.id,
    type: 'toolCall.decided',
    version: 1,
    time: context.ids.time,
    organizationId: organization.id,
    callId: context.ids.callId,
    requestId: call.requestId,
    sessionId: call.sessionId,
    traceId: call.traceId,
    method: call.method,
    protocolVersion: call.protocolVersion,
    grantId: grant.id,
    identityId: identity.id,
    identityName: identity.name,
    serverId: server.id,
    serverName: server.name,
    tool: call.tool,
    definitionHash: server.tools.get(toolOf(call) ?? '')?.definitionHash ?? null,
    policyId: policy?.id ?? null,
    policyVersion: policy?.version ?? null,
    mode: policy?.compiled.mode ?? null,
    effect: decision.effect,
    code: decision.code,
    rule: decision.rule,
    reason: decision.reason,
    retryAfterSeconds: decision.retryAfterSeconds,
    approvalId: decision.approvalId,
    would: decision.would,
    shadow: context.shadow,
    reserved: decision.reservations.map(({ counter, window, scope, amount }) => ({ counter, window, scope, amount })),
    argumentKeys: argumentKeys(call.arguments),
    argumentsDigest: argumentsDigest(organization.digestKey, call.arguments),
    client: call.client,
    sourceIp: call.sourceIp,
    decisionMicros: context.decisionMicros,
  };
};
