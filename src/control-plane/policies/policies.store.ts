import type { Stream } from '../../record/event-store/event-store.js';
import type { Actor, ControlEvent, PolicyBody, PolicyPins } from '../../record/event-log/events/index.js';
import type { KnownTool } from '../../policy-engine/lints/tool-lints.js';
import {
  listClauses,
  numberColumn,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Accepted } from '../../policy-engine/pins.js';
import { sourceOf } from './source.js';
import { referenceTo } from '../../record/event-store/recorded-form.js';
import { evolvePolicy, type Document, type PolicyState } from './policies.js';

export type StoredPolicy = Readonly<{ id: string }> & PolicyState;

type Row = PolicyPins & {
  id: string;
  version: number;
  server_id: string;
  name: string;
  policy_version: number;
  document: Document;
  source: string | null;
  created_at: Date;
  updated_at: Date;
  deleted: boolean;
};

const COLUMNS =
  'id, version, server_id, name, policy_version, document, source, pins, acceptances, created_at, updated_at, deleted';

const stateOf = (row: Row): PolicyState => ({
  serverId: row.server_id,
  name: row.name,
  policyVersion: row.policy_version,
  document: row.document,
  source: row.source ?? sourceOf(row.document),
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
  shown: (id, { serverId, name, policyVersion, source }) => ({
    serverId,
    name,
    policyVersion,
    document: referenceTo(source, `/v1/policies/${id}/versions/${policyVersion}`),
  }),
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from policies where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { version: rows[0].version, state: stateOf(rows[0]) };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into policies(organization_id, ${COLUMNS})
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       on conflict (organization_id, id) do update
         set version = excluded.version, server_id = excluded.server_id, name = excluded.name,
         policy_version = excluded.policy_version,
         document = excluded.document, source = excluded.source, pins = excluded.pins,
      acceptances = excluded.acceptances,
           updated_at = excluded.updated_at, deleted = excluded.deleted`,
      [
        organizationId,
        id,
        version,
        state.serverId,
        state.name,
        state.policyVersion,
        JSON.stringify(state.document),
        state.source,
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
  name: string;
  disabled: boolean;
  organizationDisabled: boolean;
  disabledTools: readonly string[];
  tools: readonly KnownTool[];
  hashes: Readonly<Record<string, string>>;
  accepted: Readonly<Record<string, Accepted>>;
  acceptances: number;
}>;

/** Names of tools, and names and types of the arguments that their schemas declare. */
const KNOWN_TOOLS = `(select coalesce(jsonb_agg(jsonb_build_object('name', t->>'name', 'arguments',
  case when jsonb_typeof(t->'definition'->'inputSchema'->'properties') = 'object'
    then (select jsonb_agg(k) from jsonb_object_keys(t->'definition'->'inputSchema'->'properties') k) end,
  'argumentTypes', case when jsonb_typeof(t->'definition'->'inputSchema'->'properties') = 'object'
    then (select jsonb_object_agg(key, value->'type') from jsonb_each(t->'definition'->'inputSchema'->'properties')
      where jsonb_typeof(value) = 'object' and value ? 'type') end)), '[]')
  from jsonb_array_elements(s.tools) t)`;

/** What policies have to know of a server and its tools; undefined when the organization has no such server. */
export const findServer = async (tx: Tx, organizationId: string, id: string): Promise<ServerFacts | undefined> => {
  const { rows } = await tx.query<ServerFacts>(
    `select s.name, s.disabled, o.disabled as "organizationDisabled", s.disabled_tools as "disabledTools", s.accepted,
      s.acceptances, ${KNOWN_TOOLS} as tools,
       coalesce((select jsonb_object_agg(t->>'name', t->>'definitionHash')
         from jsonb_array_elements(s.tools) t), '{}') as hashes
     from servers s join organizations o on o.id = s.organization_id where s.organization_id = $1 and s.id = $2
       and not s.deleted`,
    [organizationId, id],
  );
  return rows[0];
};

const POLICIES: ListSource = {
  id: 'p.id',
  search: ['p.name', 's.name'],
  sort: {
    name: textColumn('p.name'),
    serverName: textColumn('s.name'),
    version: numberColumn('p.policy_version'),
    createdAt: timeColumn('p.created_at'),
    updatedAt: timeColumn('p.updated_at'),
  },
};

/** The fields that a list of policies is sorted by. */
export const POLICY_SORTS = Object.keys(POLICIES.sort);

type PolicyFilter = Readonly<{ serverId?: string | undefined }>;

/** The policies of an organization, or of one server, whose server is not deleted. */
export const listPolicies = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery & PolicyFilter,
): Promise<readonly (StoredPolicy & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(POLICIES, query, [organizationId, query.serverId ?? null]);
  const columns = COLUMNS.split(', ').map((column) => `p.${column}`);
  const { rows } = await tx.query<Row & SortKey>(
    `select ${columns.join(', ')}, ${sortKey} as sort_key from policies p
      join servers s on s.organization_id = p.organization_id and s.id = p.server_id and not s.deleted
     where p.organization_id = $1 and not p.deleted and ($2::text is null or p.server_id = $2) ${tail}`,
    values,
  );
  return rows.map((row) => ({ id: row.id, ...stateOf(row), sort_key: row.sort_key }));
};

export type PolicyVersion = Readonly<{
  version: number;
  name: string;
  document: Document;
  source: string;
  publishedAt: string;
  publishedBy: Actor;
}>;

type PublishedEvent = ControlEvent & Extract<PolicyBody, { type: 'policy.published' }>;

const toVersion = (event: PublishedEvent): PolicyVersion => ({
  version: event.policyVersion,
  name: event.name,
  document: event.document,
  source: event.source ?? sourceOf(event.document),
  publishedAt: event.time,
  publishedBy: event.actor,
});

/** Every version of a policy as it was published, oldest first, after version `after`. */
export const listVersions = async (
  tx: Tx,
  organizationId: string,
  page: Readonly<{ policyId: string; after: number; rows: number }>,
): Promise<readonly PolicyVersion[]> => {
  const { rows } = await tx.query<{ event: PublishedEvent }>(
    `select event from events where organization_id = $1 and stream_id = $2 and type = 'policy.published'
      and (event->>'policyVersion')::bigint > $3 order by version limit $4`,
    [organizationId, page.policyId, page.after, page.rows],
  );
  return rows.map(({ event }) => toVersion(event));
};

/** One version of a policy as it was published; undefined when there is none with this number. */
export const findVersion = async (
  tx: Tx,
  organizationId: string,
  { policyId, version }: Readonly<{ policyId: string; version: number }>,
): Promise<PolicyVersion | undefined> =>
  (await listVersions(tx, organizationId, { policyId, after: version - 1, rows: 1 })).find(
    (found) => found.version === version,
  );

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

export type GrantNames = Readonly<{ identityName: string | null; grantLabel: string | null }>;

/** The names of grants by their ids, also of those that are revoked. */
export const findGrantNames = async (
  tx: Tx,
  organizationId: string,
  grantIds: readonly string[],
): Promise<ReadonlyMap<string, GrantNames>> => {
  const { rows } = await tx.query<GrantNames & { id: string }>(
    `select g.id, i.name as "identityName", g.label as "grantLabel" from grants g
      join identities i on i.organization_id = g.organization_id and i.id = g.identity_id
     where g.organization_id = $1 and g.id = any ($2)`,
    [organizationId, grantIds],
  );
  return new Map(rows.map(({ id, ...names }) => [id, names]));
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
