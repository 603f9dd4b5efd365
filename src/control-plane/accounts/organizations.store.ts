import type { Stream } from '../../record/event-store/event-store.js';
import type { OrganizationBody } from '../../record/event-log/events/index.js';
import { evolveOrganization, type Organization } from './organizations.js';

type Row = {
  name: string;
  disabled: boolean;
  created_at: Date;
  deletes_at: Date | null;
  deleted_at: Date | null;
  version: number;
};

/** The stream of an organization; its id is the organization's. */
export const organizationStream: Stream<Organization, OrganizationBody> = {
  noun: 'organization',
  evolve: evolveOrganization,
  load: async (tx, organizationId) => {
    const { rows } = await tx.query<Row>(
      'select name, disabled, created_at, deletes_at, deleted_at, version from organizations where id = $1',
      [organizationId],
    );
    const row = rows[0];
    return (
      row && {
        state: {
          name: row.name,
          disabled: row.disabled,
          createdAt: row.created_at.toISOString(),
          deletesAt: row.deletes_at?.toISOString() ?? null,
          deletedAt: row.deleted_at?.toISOString() ?? null,
        },
        version: row.version,
      }
    );
  },
  save: async (tx, { organizationId, version, state }) => {
    await tx.query(
      `insert into organizations(id, version, name, disabled, created_at, deletes_at, deleted_at)
        values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do update set version = excluded.version, name = excluded.name, disabled = excluded.disabled,
         deletes_at = excluded.deletes_at, deleted_at = excluded.deleted_at`,
      [organizationId, version, state.name, state.disabled, state.createdAt, state.deletesAt, state.deletedAt],
    );
  },
};
