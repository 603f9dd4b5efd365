import type { OpenTransport } from '../../platform/runtime/transport.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { CompiledPolicy } from '../../policy-engine/compile.js';
import type { Accepted, Pins } from '../../policy-engine/pins.js';
import type { ToolFacts } from './tool-facts.js';

/** An organization in the directory. `digestKey` is the key of its argument digests. */
export type OrganizationFacts = Readonly<{ id: string; disabled: boolean; digestKey: Buffer }>;

export type IdentityFacts = Readonly<{
  id: string;
  name: string;
  kind: string;
  attributes: Readonly<Record<string, unknown>>;
  disabled: boolean;
}>;

/**
 * `headers` are the upstream credential in plain text; they live in memory only. `tools` is by name; `disabledTools`
 * may name some that are not there.
 */
export type ServerFacts = Readonly<{
  id: string;
  organizationId: string;
  /** Rises with every event of the server. */
  version: number;
  name: string;
  transport: OpenTransport;
  /** In which eras it was seen to speak. */
  eras: readonly Era[];
  headers: Readonly<Record<string, string>>;
  clientAuth: string;
  /** Where an admin signs in to the server, while nobody is signed in to it. */
  connectUrl: string | undefined;
  disabled: boolean;
  restartSessions: boolean;
  tools: ReadonlyMap<string, ToolFacts>;
  disabledTools: ReadonlySet<string>;
  /** By the tool's name; tools that are gone included. */
  accepted: ReadonlyMap<string, Accepted>;
}>;

/** Policies with equal documents share one `compiled`, those with equal pins one `pins`. */
export type PolicyFacts = Readonly<{ id: string; version: number; compiled: CompiledPolicy; pins: Pins }>;

export type TokenFacts = Readonly<{ hash: Buffer; expiresAtMs: number }>;

export type GrantFacts = Readonly<{
  id: string;
  organizationId: string;
  identityId: string;
  serverId: string;
  policyId: string | undefined;
  /** Judged beside the policy; never decides. */
  shadowPolicyId: string | undefined;
  /** `oauth`: its tokens are those of a client that a member signed in. */
  via: 'token' | 'oauth';
  disabled: boolean;
  expiresAtMs: number;
  tokens: readonly TokenFacts[];
}>;

/**
 * A grant whose token was valid when it was looked up, with the facts that a decision needs. `goodUntilMs`: when the
 * grant or the token expires, whichever is first.
 */
export type Authenticated = Readonly<{
  grant: GrantFacts;
  organization: OrganizationFacts;
  identity: IdentityFacts;
  server: ServerFacts;
  policy: PolicyFacts | undefined;
  shadow: PolicyFacts | undefined;
  tokenHash: Buffer;
  goodUntilMs: number;
}>;
