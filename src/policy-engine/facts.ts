import type { Scope, Window } from './document.js';
import type { Definition } from './pins.js';

/**
 * A tool's own schema for its arguments: `validate` answers JSON Pointers to what is wrong with them, and none when
 * nothing is.
 */
export type CompiledSchema = Readonly<{ validate: (callArguments: unknown) => readonly string[] }>;

/** What a request names: a tool, a resource by its URI, or a prompt. Each has its own section of a policy. */
export type Kind = 'tool' | 'resource' | 'prompt';

/** The longest name that is judged, in UTF-16 units: it bounds the time of a decision over many patterns. */
export const MAX_NAME_LENGTH = { tool: 256, resource: 2048, prompt: 256 } as const satisfies Record<Kind, number>;

/**
 * What is known about one call. `tool` is the name of what is used, whatever its kind (a tool unless told); a
 * resource's `arguments` are `{uri}`. `arguments` is the parsed `params.arguments`, undefined when the call has none.
 */
export type Facts = Readonly<{
  kind?: Kind;
  tool: string;
  arguments: unknown;
  identity: Readonly<{ id: string; name: string; kind: string; attributes: Readonly<Record<string, unknown>> }>;
  organizationId: string;
  grantId: string;
  serverId: string;
  sessionId?: string;
  sourceIp?: string;
  clientName?: string;
  /** Of a tool that somebody has seen. */
  definition?: Definition;
  /** Wanted when the policy checks arguments; a call without it is refused then. */
  inputSchema?: CompiledSchema;
  /** This very call was approved: `require_approval` lets it pass. */
  approved?: boolean;
  now: Date;
  /** Of a recorded call: what is known of the arguments that limits spend, by their path. */
  amounts?: ReadonlyMap<string, number>;
}>;

/**
 * Why a call was allowed, refused or held: contract section 5, `code`. The engine gives some; the rest come from around
 * it.
 */
export type Code =
  | 'allowed'
  | 'denied_by_rule'
  | 'hidden'
  | 'not_listed'
  | 'argument_rule'
  | 'arguments_invalid'
  | 'rate_limited'
  | 'limits_unavailable'
  | 'approval_required'
  | 'approval_rejected'
  | 'approval_expired'
  | 'no_policy'
  | 'disabled'
  | 'tool_changed'
  | 'stale_directory'
  | 'overloaded'
  | 'audit_unavailable'
  | 'method_not_governed'
  | 'malformed';

/**
 * One limit that an allowed call must fit in. A counter is (organization, counter, window, scope, whom): several
 * reservations of one call on the same counter carry the same amount, which is added once, and each compares with its
 * own `max`. `reason` is what the policy wants said when it refuses.
 */
export type Reservation = Readonly<{
  counter: string;
  window: Window;
  scope: Scope;
  whom: string;
  amount: number;
  max: number;
  pointer: string;
  reason?: string;
}>;

/**
 * What a held call waits for: `count` people's approval within `expiresInSeconds`; its caller is kept waiting for
 * `waitSeconds`.
 */
export type ApprovalTerms = Readonly<{ expiresInSeconds: number; waitSeconds: number; count: number }>;

/**
 * What came of a call. `rule` is a JSON Pointer into the policy document, null when no rule of it decided. `approval`
 * stands with effect `hold`. `retryAfterSeconds` and `approvalId` are filled in by whoever counts limits and keeps
 * approvals; the engine itself knows neither.
 */
export type Decision = Readonly<{
  effect: 'allow' | 'deny' | 'hold';
  code: Code;
  rule: string | null;
  reason: string;
  reservations: readonly Reservation[];
  approval?: ApprovalTerms;
  retryAfterSeconds?: number;
  approvalId?: string;
  would?: Readonly<{ effect: 'deny' | 'hold'; code: Code; rule: string | null }>;
}>;
