import type { Stream } from '../event-log/event-store.js';
import type { ControlEvent, OrganizationBody } from '../event-log/events/index.js';

/** What an organization's events add up to. */
export type Organization = Readonly<{ name: string; createdAt: string }>;

/** An organization as the API shows it. */
export type OrganizationView = Readonly<{ id: string }> & Organization;

/** The first event of an organization; its id is new, so an existing one is a broken invariant. */
export const createOrganization =
  (name: string) =>
  (state: Organization | undefined): readonly OrganizationBody[] => {
    if (state) throw new Error('an organization is created once');
    return [{ type: 'organization.created', name }];
  };

export const evolveOrganization = (_state: Organization | undefined, event: ControlEvent & OrganizationBody): Organization => ({ name: event.name, createdAt: event.time });

type Row = { name: string; created_at: Date; version: number };

/** The stream of an organization; its id is the organization's. */
export const organizations: Stream<Organization, OrganizationBody> = {
  noun: 'organization',
  evolve: evolveOrganization,
  load: async (tx, organizationId) => {
    const { rows } = await tx.query<Row>('select name, created_at, version from organizations where id = $1', [organizationId]);
    const row = rows[0];
    return row && { state: { name: row.name, createdAt: row.created_at.toISOString() }, version: row.version };
  },
  save: async (tx, { organizationId, version, state }) => {
    await tx.query(
      `insert into organizations(id, version, name, created_at) values ($1, $2, $3, $4)
       on conflict (id) do update set version = excluded.version, name = excluded.name`,
      [organizationId, version, state.name, state.createdAt],
    );
  },
};
