import type { Operator, Scalar } from './conditions/operators.js';
import type { Scope } from './scopes.js';

export type { Operator } from './conditions/operators.js';
export type { Scope } from './scopes.js';

/** A calendar window aligned to UTC, or a number of whole seconds aligned to the epoch. */
export type Window = 'second' | 'minute' | 'hour' | 'day' | 'month' | number;

export type Condition = Readonly<{ path: string; op: Operator; value: Scalar | readonly Scalar[] }>;

/** One item of `require` or `deny_if`: a single condition, or several. */
export type Rule =
  (Condition & Readonly<{ on_deny?: string }>) | Readonly<{ conditions: readonly Condition[]; on_deny?: string }>;

export type Action = 'allow' | 'deny' | 'require_approval';

export type Mode = 'enforce' | 'monitor';

/**
 * At most `max` in one window; `scope` defaults to `grant`, the amount to 1 unless `increment_from` names an argument.
 */
export type LimitRule = Readonly<{
  counter: string;
  window: Window;
  max: number;
  scope?: Scope;
  increment_from?: string;
  on_deny?: string;
}>;

/** Short form of one limit by grant whose counter belongs to its entry alone; `window` is in whole seconds. */
export type RateLimit = Readonly<{ max: number; window: number }>;

/**
 * How a call is held: it expires `expires_in` seconds after its request, its client waits for the first `wait` seconds,
 * and `count` people must approve it.
 */
export type ApprovalRule = Readonly<{ expires_in?: number; wait?: number; count?: number }>;

export type ToolEntry = Readonly<{
  action?: Action;
  /** Overrides the document's `approval`, key by key. */
  approval?: ApprovalRule;
  reason?: string;
  require?: readonly Rule[];
  deny_if?: readonly Rule[];
  limits?: readonly LimitRule[];
  rate_limit?: RateLimit;
}>;

/**
 * A policy as the customer wrote it, after `parsePolicy` accepted it. The keys of its sections are any text,
 * `__proto__` included: read them with `Object.entries`, never by index.
 */
export type PolicyDocument = Readonly<{
  version: '1';
  default: Exclude<Action, 'require_approval'>;
  mode?: Mode;
  hide?: readonly string[];
  tools?: Readonly<Record<string, ToolEntry>>;
  resources?: Readonly<Record<string, ToolEntry>>;
  prompts?: Readonly<Record<string, ToolEntry>>;
  check_arguments?: boolean;
  pin_tools?: boolean;
  approval?: ApprovalRule;
  all_tools?: Pick<ToolEntry, 'require' | 'deny_if' | 'limits'>;
}>;
