import type { EventStore, Stream } from '../../record/event-store/event-store.js';
import type { ControlEvent, OrganizationBody } from '../../record/event-log/events/index.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { notFound } from '../../platform/runtime/problems.js';

/**
 * What an organization's events add up to. A disabled one's calls are refused; its API works on, so that it can be
 * enabled again.
 */
export type Organization = Readonly<{ name: string; disabled: boolean; createdAt: string }>;

/** An organization as the API shows it. */
export type OrganizationView = Readonly<{ id: string }> & Organization;

/** The first event of an organization; its id is new, so an existing one is a broken invariant. */
export const createOrganization =
  (name: string) =>
  (state: Organization | undefined): readonly OrganizationBody[] => {
    if (state) throw new Error('an organization is created once');
    return [{ type: 'organization.created', name }];
  };

/** The event that disables or enables an organization; none when it is so already. */
export const switchOrganization =
  (disabled: boolean | undefined) =>
  (state: Organization | undefined): readonly OrganizationBody[] => {
    if (disabled === undefined || state?.disabled === disabled) return [];
    return [{ type: disabled ? 'organization.disabled' : 'organization.enabled' }];
  };

/** What an organization becomes by an event. @throws when the first event is not `organization.created`. */
export const evolveOrganization = (
  state: Organization | undefined,
  event: ControlEvent & OrganizationBody,
): Organization => {
  if (event.type === 'organization.created') return { name: event.name, disabled: false, createdAt: event.time };
  if (!state) throw new Error('an organization begins with organization.created');
  return { ...state, disabled: event.type === 'organization.disabled' };
};

type Row = { name: string; disabled: boolean; created_at: Date; version: number };

/** The stream of an organization; its id is the organization's. */
export const organizations: Stream<Organization, OrganizationBody> = {
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

/** The caller's organization. */
export const readOrganization = async (store: EventStore, { organizationId }: Principal): Promise<OrganizationView> => {
  const found = await store.read(organizationId, (tx) => organizations.load(tx, organizationId, organizationId));
  if (!found) throw notFound('organization');
  return { id: organizationId, ...found.state };
};

/** Disables or enables the caller's organization: the next call through `/mcp` is refused, or judged again. */
export const changeOrganization = (
  store: EventStore,
  principal: Principal,
  disabled: boolean | undefined,
): Promise<OrganizationView> =>
  store.change(principal, async (change) => ({
    id: principal.organizationId,
    ...(await change.apply(organizations, principal.organizationId, switchOrganization(disabled))),
  }));
