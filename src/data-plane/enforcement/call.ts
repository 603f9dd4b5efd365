import type { Authenticated } from '../directory/facts.js';
import type { DecisionCode, Effect, OutcomeStatus } from '../../record/event-log/events/index.js';
import type { Kind } from '../../policy-engine/decide.js';

/**
 * One request that needs a decision, as the gateway read it. `tool` is the name of what it uses, a tool unless `kind`
 * says otherwise, and null where the method names nothing. One that is `uncounted` takes nothing from limits; one that
 * is `standing` is under way only until it is decided, as what follows is a stream that is counted as such. `readAtMs`
 * is the process's clock (`performance.now()`) when its body had come. `params` is all that the request says.
 */
export type GovernedCall = Readonly<{
  who: Authenticated;
  method: string;
  kind?: Kind;
  uncounted?: boolean;
  standing?: boolean;
  readAtMs: number;
  tool: string | null;
  arguments: unknown;
  params: Readonly<Record<string, unknown>> | undefined;
  requestId: string | number | null;
  sessionId: string | null;
  protocolVersion: string | null;
  traceId: string | null;
  sourceIp: string | null;
  client: Readonly<{ name: string; version?: string }> | null;
}>;

/** The tool that a request uses; null when it uses something else, which may have the same name. */
export const toolOf = ({ kind, tool }: Pick<GovernedCall, 'kind' | 'tool'>): string | null =>
  kind === undefined || kind === 'tool' ? tool : null;

/** A decision on record, as the agent is told it. */
export type RecordedDecision = Readonly<{
  id: string;
  callId: string;
  effect: Effect;
  code: DecisionCode;
  rule: string | null;
  reason: string;
  retryAfterSeconds?: number | undefined;
  approvalId?: string | undefined;
}>;

/** How a forwarded call ended. `sent` is false when no byte of it was sent: then its reservations are given back. */
export type Outcome = Readonly<{
  status: OutcomeStatus;
  upstreamStatus: number | null;
  responseBytes: number;
  sent: boolean;
}>;

/** How long a held call may wait for this approval, and how long the approval may still come. */
export type ApprovalWait = Readonly<{ approvalId: string; waitMs: number; expiresInMs: number }>;

/** A call that may be forwarded. It must end in exactly one `complete`. */
export type AllowedCall = Readonly<{
  allowed: true;
  decision: RecordedDecision;
  complete: (outcome: Outcome) => void;
}>;

/** A call that must not be forwarded. `wait` stands with effect `hold`. */
export type RefusedCall = Readonly<{ allowed: false; decision: RecordedDecision; wait?: ApprovalWait | undefined }>;

/** What enforcement answers about a call whose decision is on record. */
export type EnforcedCall = AllowedCall | RefusedCall;
