import type { Stream } from '../../record/event-store/event-store.js';
import type { OrganizationBody } from '../../record/event-log/events/index.js';
import { evolveOrganization, type Organization } from './organizations.js';

type Row = { name: string; disabled: boolean; created_at: Date; version: number };

/** The stream of an organization; its id is the organization's. */
export const organizationStream: Stream<Organization, OrganizationBody> = {
  noun: 'organization',
  evolve: evolveOrganization,
  load: async (tx, organizationId) => {
    const { rows } = await tx.query<Row>(
      'select name, disabled, created_at, version from organizations where id = $1',
      [organizationId],
    );
    const row = rows[0];
    return (
      row && {
        state: { name: row.name, disabled: row.disabled, createdAt: row.created_at.toISOString() },
        version: row.version,
      }
    );
  },
  save: async (tx, { organizationId, version, state }) => {
    await tx.query(
      `insert into organizations(id, version, name, disabled, created_at) values ($1, $2, $3, $4, $5)
       on conflict (id) do update set version = excluded.version, name = excluded.name, disabled = excluded.disabled`,
      [organizationId, version, state.name, state.disabled, state.createdAt],
    );
  },
};
