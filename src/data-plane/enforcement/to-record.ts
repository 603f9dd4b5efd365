import type { ToolCallDecided } from '../../record/event-log/events/index.js';
import type { Unnumbered } from '../../record/event-log/event-text.js';
import type { Reservation } from '../../policy-engine/decide.js';
import { toolOf, type GovernedCall, type Judged } from './call.js';
import { argumentKeys, argumentsDigest } from './digest.js';

export type Ids = Readonly<{ id: string; callId: string; time: string }>;

/** How a decision came about: its ids and time, what it took, and what the grant's shadow policy differs in. */
export type Made = Readonly<{ ids: Ids; micros: number; shadow: ToolCallDecided['shadow'] }>;

type Reservations = readonly Reservation[];

/**
 * The record of a decision: who, what, under which rule, and how it came out. Argument values stay behind, but for the
 * amounts in `reserved`.
 */
export const toRecord = (call: GovernedCall, judged: Judged, made: Made, reserved: Reservations): Unnumbered => {
  const { grant, organization, identity, server, policy } = call.who;
  return {
    id: made.ids.id,
    type: 'toolCall.decided',
    version: 1,
    time: made.ids.time,
    organizationId: organization.id,
    callId: made.ids.callId,
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
    effect: judged.effect,
    code: judged.code,
    rule: judged.rule,
    reason: judged.reason,
    retryAfterSeconds: judged.retryAfterSeconds,
    approvalId: judged.approvalId,
    would: judged.would,
    shadow: made.shadow,
    reserved: reserved.map(({ counter, window, scope, amount }) => ({ counter, window, scope, amount })),
    argumentKeys: argumentKeys(call.arguments),
    argumentsDigest: argumentsDigest(organization.digestKey, call.arguments),
    client: call.client,
    sourceIp: call.sourceIp,
    decisionMicros: made.micros,
  };
};
