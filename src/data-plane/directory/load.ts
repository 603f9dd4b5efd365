import type { Transport } from '../../record/event-log/events/index.js';
import type { Tx } from '../../platform/postgres/database.js';
import { log } from '../../platform/runtime/log.js';
import { openArguments, openUrl } from '../../platform/crypto/hidden-parts.js';
import type { Vault } from '../../platform/crypto/vault.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { Accepted } from '../../policy-engine/pins.js';
import { ToolFacts } from './tool-facts.js';
import type { GrantFacts, IdentityFacts, OrganizationFacts, ServerFacts } from './facts.js';

/** Which rows to load: all of them, or those of one organization with these ids. */
export type RowSelection = 'all' | Readonly<{ organizationId: string; ids: readonly string[] }>;

/** Replaces the entries of these ids by the loaded ones. An id whose row was not found is removed. */
export const replace = <T extends Readonly<{ id: string }>>(
  held: Map<string, T>,
  wanted: RowSelection,
  loaded: readonly T[],
): void => {
  if (wanted === 'all') held.clear();
  else for (const id of wanted.ids) held.delete(id);
  for (const one of loaded) held.set(one.id, one);
};

const where = (wanted: RowSelection, id: string): Readonly<{ sql: string; values: readonly unknown[] }> =>
  wanted === 'all'
    ? { sql: 'true', values: [] }
    : { sql: `organization_id = $1 and ${id} = any ($2)`, values: [wanted.organizationId, wanted.ids] };

const timeMs = (at: Date | null): number => (at === null ? Number.POSITIVE_INFINITY : at.getTime());

/** What `open` returns. When it throws: undefined, and a line in the log, so that everything else is still served. */
const openOrReport = <T>(open: () => T, of: Readonly<Record<string, string>>): T | undefined => {
  try {
    return open();
  } catch (error) {
    log.error('a row can not be read, and what it stands for is not served: was MASTER_KEY changed?', {
      ...of,
      error: error instanceof Error ? error.name : 'unknown',
    });
    return undefined;
  }
};

/**
 * Loads organizations with the keys of their argument digests, whatever `ids` are selected. Leaves out an organization
 * whose key can't be read. @throws Error when no key can be read.
 */
export const loadOrganizations = async (
  tx: Tx,
  vault: Vault,
  wanted: RowSelection,
): Promise<readonly OrganizationFacts[]> => {
  const { rows } = await tx.query<{ id: string; disabled: boolean; wrapped: Buffer }>(
    `select o.id, o.disabled, k.wrapped from organizations o join organization_keys k on k.organization_id = o.id
      where ${wanted === 'all' ? 'true' : 'o.id = $1'}`,
    wanted === 'all' ? [] : [wanted.organizationId],
  );
  const readable = rows.flatMap((row) => {
    const digestKey = openOrReport(() => vault.organizationPurposeKey(row.id, row.wrapped, 'arguments-digest'), {
      organizationId: row.id,
    });
    return digestKey === undefined ? [] : [{ id: row.id, disabled: row.disabled, digestKey }];
  });
  if (wanted === 'all' && rows.length > 0 && readable.length === 0)
    throw new Error('MASTER_KEY is not the one that the keys in this database were wrapped with');
  return readable;
};

/** Loads grants that are not revoked, with their tokens. */
export const loadGrants = async (tx: Tx, wanted: RowSelection): Promise<readonly GrantFacts[]> => {
  const { sql, values } = where(wanted, 'id');
  type Row = {
    id: string;
    organization_id: string;
    identity_id: string;
    server_id: string;
    policy_id: string | null;
    shadow_policy_id: string | null;
    via: 'token' | 'oauth';
    disabled: boolean;
    expires_at: Date | null;
    tokens: { hash: string; expires: number | null }[] | null;
  };
  const { rows } = await tx.query<Row>(
    `select id, organization_id, identity_id, server_id, policy_id, shadow_policy_id, via, disabled, expires_at,
       (select json_agg(json_build_object('hash', encode(t.token_hash, 'base64'), 'expires', extract(epoch
         from t.expires_at) * 1000))
        from grant_tokens t where t.organization_id = g.organization_id and t.grant_id = g.id) as tokens
     from grants g where ${sql} and revoked_at is null`,
    values,
  );
  return rows.map((row) => ({
    id: row.id,
    organizationId: row.organization_id,
    identityId: row.identity_id,
    serverId: row.server_id,
    policyId: row.policy_id ?? undefined,
    shadowPolicyId: row.shadow_policy_id ?? undefined,
    via: row.via,
    disabled: row.disabled,
    expiresAtMs: timeMs(row.expires_at),
    tokens: (row.tokens ?? []).map((token) => ({
      hash: Buffer.from(token.hash, 'base64'),
      expiresAtMs: token.expires ?? Number.POSITIVE_INFINITY,
    })),
  }));
};

/** Whose a row is: it is forgotten with its organization. */
export type Owned = Readonly<{ organizationId: string }>;

/** Loads identities that are not deleted, disabled ones included. */
export const loadIdentities = async (tx: Tx, wanted: RowSelection): Promise<readonly (IdentityFacts & Owned)[]> => {
  const { sql, values } = where(wanted, 'id');
  const { rows } = await tx.query<{
    organizationId: string;
    id: string;
    name: string;
    kind: string;
    attributes: Record<string, unknown>;
    disabled: boolean;
  }>(
    `select organization_id as "organizationId", id, name, kind, attributes, disabled from identities where ${sql}
      and not deleted`,
    values,
  );
  return rows;
};

type ServerRow = {
  organization_id: string;
  id: string;
  name: string;
  transport: Transport;
  eras: readonly Era[];
  client_auth: string;
  auth: Readonly<{ type: string; status?: string }>;
  disabled: boolean;
  restart_sessions: boolean;
  tools: [name: string, definitionHash: string, inputSchema: unknown][] | null;
  disabled_tools: readonly string[];
  accepted: Readonly<Record<string, Accepted>>;
  version: number;
  sealed_headers: Buffer | null;
  wrapped: Buffer;
};

/** The credential of a server: headers, or the environment of its command. */
const secretsOf = (row: ServerRow, vault: Vault): Readonly<Record<string, string>> =>
  row.sealed_headers === null
    ? {}
    : (JSON.parse(
        vault.open(
          row.wrapped,
          { organizationId: row.organization_id, table: 'server_secrets', column: 'sealed_headers', row: row.id },
          row.sealed_headers,
        ),
      ) as Record<string, string>);

type UpstreamTarget = Pick<ServerFacts, 'transport' | 'headers' | 'disabled'>;

const targetOf = ({ transport, disabled }: ServerRow, secrets: Readonly<Record<string, string>>): UpstreamTarget => {
  if (transport.type === 'stdio')
    return {
      transport: { type: 'stdio', command: transport.command, ...openArguments(transport.args, secrets) },
      headers: {},
      disabled,
    };
  const { url, headers } = openUrl(transport.url, secrets);
  return { transport: { type: transport.type, url }, headers, disabled };
};

/** Stands for a target that can't be read. */
const NO_TARGET: UpstreamTarget = {
  transport: { type: 'streamable-http', url: new URL('https://unreadable.invalid') },
  headers: {},
  disabled: true,
};

/** A server whose URL or secrets can't be read counts as disabled. */
const targetOrNone = (row: ServerRow, vault: Vault): UpstreamTarget =>
  openOrReport(() => targetOf(row, secretsOf(row, vault)), { organizationId: row.organization_id, serverId: row.id }) ??
  NO_TARGET;

const ownMember = <T>(from: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(from, name) ? from[name] : undefined;

/** What servers are read with; `connectUrlOf` is where an admin signs in to one. */
export type ServerSources = Readonly<{ vault: Vault; connectUrlOf: (serverId: string) => string }>;

/** Loads servers with their decrypted credentials. */
export const loadServers = async (
  tx: Tx,
  { vault, connectUrlOf }: ServerSources,
  wanted: RowSelection,
): Promise<readonly ServerFacts[]> => {
  const { sql, values } = where(wanted, 's.id');
  const { rows } = await tx.query<ServerRow>(
    `select s.organization_id, s.id, s.name, s.transport, s.eras, s.client_auth, s.auth, s.disabled, s.restart_sessions,
      s.disabled_tools,
      s.version, s.accepted, k.wrapped, x.sealed_headers,
       (select json_agg(json_build_array(t->>'name', t->>'definitionHash', t->'definition'->'inputSchema'))
         from jsonb_array_elements(s.tools) t) as tools
     from servers s join organization_keys k using (organization_id) left
       join server_secrets x on x.organization_id = s.organization_id and x.server_id = s.id
     where ${sql.replace('organization_id', 's.organization_id')} and not s.deleted`,
    values,
  );
  return rows.map((row) => ({
    id: row.id,
    organizationId: row.organization_id,
    version: row.version,
    name: row.name,
    eras: row.eras,
    ...targetOrNone(row, vault),
    clientAuth: row.client_auth,
    connectUrl: row.auth.type === 'oauth' && row.auth.status !== 'connected' ? connectUrlOf(row.id) : undefined,
    restartSessions: row.restart_sessions,
    tools: new Map(
      (row.tools ?? []).map(([name, definitionHash, inputSchema]) => [
        name,
        new ToolFacts({ name, definitionHash, inputSchema, accepted: ownMember(row.accepted, name) }),
      ]),
    ),
    disabledTools: new Set(row.disabled_tools),
    accepted: new Map(Object.entries(row.accepted)),
  }));
};

/** `pins` is JSON text. */
export type PolicyRow = Owned &
  Readonly<{ id: string; version: number; document: unknown; pins: string; acceptances: number }>;

/** Loads policies that are not deleted, each in its newest version. */
export const loadPolicies = async (tx: Tx, wanted: RowSelection): Promise<readonly PolicyRow[]> => {
  const { sql, values } = where(wanted, 'id');
  const { rows } = await tx.query<PolicyRow>(
    `select organization_id as "organizationId", id, policy_version as version, document, pins::text as pins,
        acceptances from policies where ${sql} and not deleted`,
    values,
  );
  return rows;
};

/** Loads ended sessions whose ids have not expired yet. */
export const loadEndedSessions = async (
  tx: Tx,
  wanted: RowSelection,
): Promise<readonly Readonly<{ id: string; expiresAtMs: number }>[]> => {
  const { sql, values } = where(wanted, 'session_id');
  const { rows } = await tx.query<{ session_id: string; expires_at: Date }>(
    `select session_id, expires_at from ended_sessions where ${sql} and expires_at > now()`,
    values,
  );
  return rows.map((row) => ({ id: row.session_id, expiresAtMs: row.expires_at.getTime() }));
};
