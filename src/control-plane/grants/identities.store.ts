import type { Stream } from '../../record/event-store/event-store.js';
import type { IdentityBody } from '../../record/event-log/events/index.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Tx } from '../../platform/postgres/database.js';
import { evolveIdentity, type Attributes, type Identity, type IdentityKind } from './identities.js';

type Row = {
  id: string;
  version: number;
  name: string;
  kind: IdentityKind;
  member_id: string | null;
  external_id: string | null;
  attributes: Attributes;
  disabled: boolean;
  created_at: Date;
  deleted: boolean;
};

const COLUMNS = 'id, version, name, kind, member_id, external_id, attributes, disabled, created_at, deleted';

const toIdentity = (row: Row): Identity => ({
  name: row.name,
  kind: row.kind,
  memberId: row.member_id,
  externalId: row.external_id,
  attributes: row.attributes,
  disabled: row.disabled,
  deleted: row.deleted,
  createdAt: row.created_at.toISOString(),
});

/** An identity's history and its row in `identities`; a deleted one keeps its row. */
export const identityStream: Stream<Identity, IdentityBody> = {
  noun: 'identity',
  evolve: evolveIdentity,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from identities where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { state: toIdentity(rows[0]), version: rows[0].version };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into identities(organization_id, ${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (organization_id, id) do update
         set version = excluded.version, name = excluded.name, member_id = excluded.member_id,
         external_id = excluded.external_id, attributes = excluded.attributes, disabled = excluded.disabled,
           deleted = excluded.deleted`,
      [
        organizationId,
        id,
        version,
        state.name,
        state.kind,
        state.memberId,
        state.externalId,
        JSON.stringify(state.attributes),
        state.disabled,
        state.createdAt,
        state.deleted,
      ],
    );
  },
};

export type StoredIdentity = Readonly<{ id: string; version: number; identity: Identity }>;

/** An identity that is not deleted. */
export const findIdentity = async (tx: Tx, organizationId: string, id: string): Promise<StoredIdentity | undefined> => {
  const { rows } = await tx.query<Row>(
    `select ${COLUMNS} from identities where organization_id = $1 and id = $2 and not deleted`,
    [organizationId, id],
  );
  return rows[0] && { id, version: rows[0].version, identity: toIdentity(rows[0]) };
};

const IDENTITIES: ListSource = {
  id: 'id',
  search: ['name', 'external_id'],
  sort: {
    name: textColumn('name'),
    kind: textColumn('kind'),
    externalId: textColumn("coalesce(external_id, '')"),
    createdAt: timeColumn('created_at'),
  },
};

/** The fields that a list of identities is sorted by. */
export const IDENTITY_SORTS = Object.keys(IDENTITIES.sort);

/** Identities that are not deleted. */
export const listIdentities = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (StoredIdentity & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(IDENTITIES, query, [organizationId]);
  const { rows } = await tx.query<Row & SortKey>(
    `select ${COLUMNS}, ${sortKey} as sort_key from identities where organization_id = $1 and not deleted ${tail}`,
    values,
  );
  return rows.map((row) => ({
    id: row.id,
    version: row.version,
    identity: toIdentity(row),
    sort_key: row.sort_key,
  }));
};

/** Whether another identity that is not deleted has this external id. */
export const externalIdTaken = async (
  tx: Tx,
  organizationId: string,
  externalId: string,
  exceptId: string,
): Promise<boolean> => {
  const { rowCount } = await tx.query(
    'select 1 from identities where organization_id = $1 and external_id = $2 and id <> $3 and not deleted limit 1',
    [organizationId, externalId, exceptId],
  );
  return rowCount === 1;
};

/** Whether this user is a member of the organization now. */
export const isMember = async (tx: Tx, organizationId: string, userId: string): Promise<boolean> => {
  const { rowCount } = await tx.query(
    'select 1 from members where organization_id = $1 and user_id = $2 and not removed',
    [organizationId, userId],
  );
  return rowCount === 1;
};
