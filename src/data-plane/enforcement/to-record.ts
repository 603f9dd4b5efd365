import type { ToolCallDecided } from '../../record/event-log/events/index.js';
import type { Unnumbered } from '../../record/event-log/event-text.js';
import type { Reservation } from '../../policy-engine/decide.js';
import { toolOf, type GovernedCall, type Judged } from './call.js';
import { argumentKeys, argumentsDigest } from './digest.js';

export type Ids = Readonly<{ id: string; callId: string; time: string }>;

/** How a decision came about: its ids and time, what it took, and what the grant's shadow policy differs in. */
export type Made = Readonly<{ ids: Ids; micros: number; shadow: ToolCallDecided['shadow'] }>;

/** What a decision took from its policy. */
const policyPart = ({ who }: GovernedCall) => ({
  policyId: who.policy?.id ?? null,
  policyVersion: who.policy?.version ?? null,
  mode: who.policy?.compiled.mode ?? null,
});

/**
 * The record of a decision: who, what, under which rule, and how it came out. Argument values stay behind, but for the
 * amounts in `reserved`.
 */
export const toRecord = (
  call: GovernedCall,
  judged: Judged,
  { ids, micros, shadow }: Made,
  reservations: readonly Reservation[],
): Unnumbered => {
  const { grant, organization, identity, server } = call.who;
  const { policyId, policyVersion, mode } = policyPart(call);
  return {
    id: ids.id,
    type: 'toolCall.decided',
    version: 1,
    time: ids.time,
    organizationId: organization.id,
    callId: ids.callId,
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
    policyId,
    policyVersion,
    mode,
    effect: judged.effect,
    code: judged.code,
    rule: judged.rule,
    reason: judged.reason,
    retryAfterSeconds: judged.retryAfterSeconds,
    approvalId: judged.approvalId,
    would: judged.would,
    shadow,
    reserved: reservations.map(({ counter, window, scope, amount }) => ({ counter, window, scope, amount })),
    argumentKeys: argumentKeys(call.arguments),
    argumentsDigest: argumentsDigest(organization.digestKey, call.arguments),
    client: call.client,
    sourceIp: call.sourceIp,
    decisionMicros: micros,
  };
};
