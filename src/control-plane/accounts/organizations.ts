import type { ControlEvent, OrganizationBody } from '../../record/event-log/events/index.js';

/**
 * What an organization's events add up to. A disabled one's calls are refused; its API works on, so that it can be
 * enabled again.
 */
export type Organization = Readonly<{ name: string; disabled: boolean; createdAt: string }>;

/** The first event of an organization; its id is new, so an existing one is a broken invariant. */
export const decideOrganizationCreation = (
  _id: string,
  state: Organization | undefined,
  { name }: Readonly<{ name: string }>,
): readonly OrganizationBody[] => {
  if (state) throw new Error('an organization is created once');
  return [{ type: 'organization.created', name }];
};

/** The event that disables or enables an organization; none when it is so already. */
export const decideOrganizationChange = (
  _id: string,
  state: Organization | undefined,
  { disabled }: Readonly<{ disabled?: boolean | undefined }>,
): readonly OrganizationBody[] => {
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
