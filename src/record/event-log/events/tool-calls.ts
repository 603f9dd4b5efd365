import type { Envelope } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    call: true;
    boot: true;
  }
}

export type Effect = 'allow' | 'deny' | 'hold';

/** Every code that a decision can have. */
export const DECISION_CODES = [
  'allowed',
  'denied_by_rule',
  'hidden',
  'not_listed',
  'argument_rule',
  'arguments_invalid',
  'rate_limited',
  'limits_unavailable',
  'approval_required',
  'approval_rejected',
  'approval_expired',
  'no_policy',
  'needs_connection',
  'disabled',
  'tool_changed',
  'stale_directory',
  'overloaded',
  'audit_unavailable',
  'method_not_governed',
  'malformed',
] as const;
export type DecisionCode = (typeof DECISION_CODES)[number];

export type OutcomeStatus =
  | 'ok'
  | 'tool_error'
  | 'upstream_error'
  | 'upstream_unreachable'
  | 'timeout'
  | 'cancelled'
  | 'not_forwarded'
  | 'unknown';

/** What was counted for a call; amounts are the one kind of argument value that an event may hold. */
export type Reserved = Readonly<{ counter: string; window: string | number; scope: string; amount: number }>;

/**
 * A call was decided. `allow` says that it may be forwarded; the outcome says whether it was. Argument values are never
 * here. `tool` is the name of what was used: by `method` a tool, a prompt, or a resource by its URI.
 */
export type ToolCallDecided = Envelope &
  Readonly<{
    type: 'toolCall.decided';
    callId: string;
    requestId: string | number | null;
    sessionId: string | null;
    traceId: string | null;
    method: string;
    protocolVersion: string | null;
    grantId: string;
    identityId: string;
    identityName: string;
    serverId: string;
    serverName: string;
    tool: string | null;
    definitionHash: string | null;
    policyId: string | null;
    policyVersion: number | null;
    mode: 'enforce' | 'monitor' | null;
    effect: Effect;
    code: DecisionCode;
    rule: string | null;
    reason: string;
    retryAfterSeconds?: number | undefined;
    approvalId?: string | undefined;
    would?: Readonly<{ effect: Effect; code: DecisionCode; rule: string | null }> | undefined;
    /** What the grant's shadow policy answers, when that is another effect; its limits are not judged. */
    shadow?:
      | Readonly<{ policyId: string; policyVersion: number; effect: Effect; code: DecisionCode; rule: string | null }>
      | undefined;
    reserved: readonly Reserved[];
    argumentKeys: readonly string[];
    argumentsDigest: string | null;
    bootId: string;
    sequence: number;
    abandoned?: readonly number[];
    client: Readonly<{ name: string; version?: string }> | null;
    sourceIp: string | null;
    decisionMicros: number;
  }>;

/** An allowed call ended, or was never sent (`not_forwarded`). */
export type ToolCallCompleted = Envelope &
  Readonly<{
    type: 'toolCall.completed';
    callId: string;
    grantId: string;
    identityId: string;
    serverId: string;
    tool: string | null;
    status: OutcomeStatus;
    upstreamStatus: number | null;
    durationMs: number;
    responseBytes: number;
  }>;

export type ToolCallEvent = ToolCallDecided | ToolCallCompleted;

/** What they mean. The compiler refuses this table when it misses one. */
export const toolCallMeanings: MeaningLines<ToolCallEvent> = {
  'toolCall.decided': ['Call decided', 'call', 'other'],
  'toolCall.completed': ['Call completed', 'call', 'other'],
};
