/** Whose calls a counter adds up: `grant`, `session`, `server` on one server; `identity`, `organization` over all servers. */
export type Scope = 'grant' | 'session' | 'server' | 'identity' | 'organization';

/** A calendar window aligned to UTC, or a number of whole seconds aligned to the epoch. */
export type Window = 'second' | 'minute' | 'hour' | 'day' | 'month' | number;

export type Action = 'allow' | 'deny';

export type Mode = 'enforce' | 'monitor';

/** At most `max` in one window; `scope` defaults to `grant`, the amount to 1 unless `increment_from` names an argument. */
export type LimitRule = Readonly<{
  counter: string;
  window: Window;
  max: number;
  scope?: Scope;
  increment_from?: string;
  on_deny?: string;
}>;

/** Short for one limit with scope `grant` and a counter private to its entry; `window` in whole seconds. */
export type RateLimit = Readonly<{ max: number; window: number }>;

export type ToolEntry = Readonly<{
  action?: Action;
  reason?: string;
  limits?: readonly LimitRule[];
  rate_limit?: RateLimit;
}>;

/**
 * A policy as the customer wrote it, after `parsePolicy` accepted it (contract section 4). Keys of `tools` are any text,
 * `__proto__` included: go through them with `Object.entries`, never by index.
 */
export type PolicyDocument = Readonly<{
  version: '1';
  default: Action;
  mode?: Mode;
  hide?: readonly string[];
  tools?: Readonly<Record<string, ToolEntry>>;
  all_tools?: Readonly<{ limits?: readonly LimitRule[] }>;
}>;
