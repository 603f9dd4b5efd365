import type { Stream } from '../../record/event-store/event-store.js';
import type { Actor, ControlEvent, PolicyBody, PolicyPins } from '../../record/event-log/events/index.js';
import type { KnownTool } from '../../policy-engine/lints/tool-lints.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Accepted } from '../../policy-engine/pins.js';
import { evolvePolicy, type Document, type PolicyState } from './policies.js';

export type StoredPolicy = Readonly<{ id: string }> & PolicyState;

type Row = PolicyPins & {
  id: string;
  version: number;
  server_id: string;
  name: string;
  policy_version: number;
  document: Document;
  created_at: Date;
  updated_at: Date;
  deleted: boolean;
};

const COLUMNS =
  'id, version, server_id, name, policy_version, document, pins, acceptances, created_at, updated_at, deleted';

const stateOf = (row: Row): PolicyState => ({
  serverId: row.server_id,
  name: row.name,
  policyVersion: row.policy_version,
  document: row.document,
  pins: row.pins,
  acceptances: row.acceptances,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
  deleted: row.deleted,
});

/** The history of a policy and its row in `policies`. */
export const policyStream: Stream<PolicyState, PolicyBody> = {
  noun: 'policy',
  evolve: evolvePolicy,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from policies where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { version: rows[0].version, state: stateOf(rows[0]) };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into policies(organization_id, id, version, server_id, name, policy_version, document, pins,
        acceptances, created_at, updated_at, deleted) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       on conflict (organization_id, id) do update
         set version = excluded.version, server_id = excluded.server_id, name = excluded.name,
         policy_version = excluded.policy_version,
         document = excluded.document, pins = excluded.pins, acceptances = excluded.acceptances,
           updated_at = excluded.updated_at, deleted = excluded.deleted`,
      [
        organizationId,
        id,
        version,
        state.serverId,
        state.name,
        state.policyVersion,
        JSON.stringify(state.document),
        JSON.stringify(state.pins),
        state.acceptances,
        state.createdAt,
        state.updatedAt,
        state.deleted,
      ],
    );
  },
};

/**
 * What policies ask about a server; undefined when there is none or it is deleted. `tools` are those of its newest
 * discovery, `hashes` those of their definitions, by name.
 */
export type ServerFacts = Readonly<{
  disabled: boolean;
  organizationDisabled: boolean;
  disabledTools: readonly string[];
  tools: readonly KnownTool[];
  hashes: Readonly<Record<string, string>>;
  accepted: Readonly<Record<string, Accepted>>;
  acceptances: number;
}>;

/** Names of tools, and of the arguments that their schemas declare. */
const KNOWN_TOOLS = `(select coalesce(jsonb_agg(jsonb_build_object('name', t->>'name', 'arguments',
  case when jsonb_typeof(t->'definition'->'inputSchema'->'properties') = 'object'
    then (select jsonb_agg(k) from jsonb_object_keys(t->'definition'->'inputSchema'->'properties') k) end)), '[]')
  from jsonb_array_elements(s.tools) t)`;

/** What policies have to know of a server and its tools; undefined when the organization has no such server. */
export const findServer = async (tx: Tx, organizationId: string, id: string): Promise<ServerFacts | undefined> => {
  const { rows } = await tx.query<ServerFacts>(
    `select s.disabled, o.disabled as "organizationDisabled", s.disabled_tools as "disabledTools", s.accepted,
      s.acceptances, ${KNOWN_TOOLS} as tools,
       coalesce((select jsonb_object_agg(t->>'name', t->>'definitionHash')
         from jsonb_array_elements(s.tools) t), '{}') as hashes
     from servers s join organizations o on o.id = s.organization_id where s.organization_id = $1 and s.id = $2
       and not s.deleted`,
    [organizationId, id],
  );
  return rows[0];
};

/** The policies of a server in the order they were created, after the id `after`. */
export const listPolicies = async (
  tx: Tx,
  organizationId: string,
  page: Readonly<{ serverId: string; after: string; rows: number }>,
): Promise<readonly StoredPolicy[]> => {
  const { rows } = await tx.query<Row>(
    `select ${COLUMNS} from policies where organization_id = $1 and server_id = $2 and id > $3 and not deleted
      order by id limit $4`,
    [organizationId, page.serverId, page.after, page.rows],
  );
  return rows.map((row) => ({ id: row.id, ...stateOf(row) }));
};

export type PolicyVersion = Readonly<{
  version: number;
  name: string;
  document: Document;
  publishedAt: string;
  publishedBy: Actor;
}>;

/** Every version of a policy as it was published, oldest first, after version `after`. */
export const listVersions = async (
  tx: Tx,
  organizationId: string,
  page: Readonly<{ policyId: string; after: number; rows: number }>,
): Promise<readonly PolicyVersion[]> => {
  const { rows } = await tx.query<{ event: ControlEvent & Extract<PolicyBody, { type: 'policy.published' }> }>(
    `select event from events where organization_id = $1 and stream_id = $2 and type = 'policy.published'
      and (event->>'policyVersion')::bigint > $3 order by version limit $4`,
    [organizationId, page.policyId, page.after, page.rows],
  );
  return rows.map(({ event }) => ({
    version: event.policyVersion,
    name: event.name,
    document: event.document,
    publishedAt: event.time,
    publishedBy: event.actor,
  }));
};

/** Whether a grant that is not revoked names the policy, as its own or as its shadow. */
export const isPolicyInUse = async (tx: Tx, organizationId: string, policyId: string): Promise<boolean> => {
  const { rows } = await tx.query<{ used: boolean }>(
    `select exists (select 1 from grants where organization_id = $1 and (policy_id = $2 or shadow_policy_id = $2)
      and revoked_at is null) as used`,
    [organizationId, policyId],
  );
  return rows[0]?.used ?? false;
};

/** The grants that have the policy, or had it when they were revoked, as their own or as their shadow. */
export const findGrantsWithPolicy = async (
  tx: Tx,
  organizationId: string,
  policyId: string,
): Promise<readonly string[]> => {
  const { rows } = await tx.query<{ id: string }>(
    'select id from grants where organization_id = $1 and (policy_id = $2 or shadow_policy_id = $2)',
    [organizationId, policyId],
  );
  return rows.map(({ id }) => id);
};

/** The own schemas of tools for their arguments, as discovered, by the names of those that the server offers. */
export const findInputSchemas = async (
  tx: Tx,
  organizationId: string,
  serverId: string,
  tools: readonly string[],
): Promise<ReadonlyMap<string, unknown>> => {
  const { rows } = await tx.query<{ name: string; schema: unknown }>(
    `select t->>'name' as name, t->'definition'->'inputSchema' as schema
      from servers s, jsonb_array_elements(s.tools) t where s.organization_id = $1 and s.id = $2
      and t->>'name' = any ($3)`,
    [organizationId, serverId, tools],
  );
  return new Map(rows.map(({ name, schema }) => [name, schema]));
};

export type IdentityFacts = Readonly<{
  id: string;
  name: string;
  kind: string;
  attributes: Readonly<Record<string, unknown>>;
  disabled: boolean;
}>;

/** An identity as policies see it; undefined when there is none or it is deleted. */
export const findIdentity = async (tx: Tx, organizationId: string, id: string): Promise<IdentityFacts | undefined> => {
  const { rows } = await tx.query<{
    id: string;
    name: string;
    kind: string;
    attributes: Readonly<Record<string, unknown>>;
    disabled: boolean;
  }>(
    `select id, name, kind, attributes, disabled from identities where organization_id = $1 and id = $2
      and not deleted`,
    [organizationId, id],
  );
  return rows[0];
};
