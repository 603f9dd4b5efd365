import type { Scope, Window } from './document.js';
import type { Definition } from './pins.js';

/**
 * A tool's input schema. `validate` returns JSON Pointers to the arguments that are wrong, and none when all are right.
 */
export type CompiledSchema = Readonly<{ validate: (callArguments: unknown) => readonly string[] }>;

/**
 * The kind of thing that a request names. Each kind has a section of its own in a policy; a resource is named by URI.
 */
export type Kind = 'tool' | 'resource' | 'prompt';

/** The longest name that is judged, in UTF-16 units: it bounds the time of a decision over many patterns. */
export const MAX_NAME_LENGTH = { tool: 256, resource: 2048, prompt: 256 } as const satisfies Record<Kind, number>;

/**
 * The facts about one call. `tool` is the name of the tool, resource or prompt; `kind` is `tool` when it is missing.
 * `arguments` is the parsed `params.arguments`, undefined when the call has none; those of a resource are `{uri}`.
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
  /** The definition of the tool, when it is known. */
  definition?: Definition;
  /** The tool's schema; a policy that checks arguments refuses a call without it. */
  inputSchema?: CompiledSchema;
  /** This very call was approved: `require_approval` lets it pass. */
  approved?: boolean;
  now: Date;
  /** Only for recorded calls: the known values of the arguments that limits spend, by their path. */
  amounts?: ReadonlyMap<string, number>;
}>;

/**
 * Why a call was allowed, refused or held. The engine gives some of these codes; the gateway adds the others.
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
  | 'needs_connection'
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
 * The approval that a held call needs: by `count` people within `expiresInSeconds`. Its client waits for it for
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
