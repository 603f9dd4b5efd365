import type { ControlEvent, OrganizationBody } from '../../record/event-log/events/index.js';
import { Problem } from '../../platform/runtime/problems.js';

/**
 * What an organization's events add up to. A disabled one's calls are refused; its API works on, so that it can be
 * enabled again. One with a `deletesAt` is deleted then, unless somebody takes that back.
 */
export type Organization = Readonly<{
  name: string;
  disabled: boolean;
  createdAt: string;
  deletesAt: string | null;
  deletedAt: string | null;
}>;

/** An organization as its members see it. */
export const shownOrganization = (
  id: string,
  { name, disabled, createdAt, deletesAt }: Organization,
): Readonly<{ id: string }> & Omit<Organization, 'deletedAt'> => ({ id, name, disabled, createdAt, deletesAt });

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

const DAY_MS = 86_400_000;

/**
 * The event that lets an organization be deleted after a delay; none when it will be already.
 * @throws Problem invalid_body when the name is not the organization's
 */
export const decideDeletionSchedule = (
  state: Organization | undefined,
  { organizationName, now, delayDays }: Readonly<{ organizationName: string; now: Date; delayDays: number }>,
): readonly OrganizationBody[] => {
  if (state?.name !== organizationName)
    throw new Problem('invalid_body', 'Send the name of the organization, so that it is this one that you mean.', {
      errors: [{ pointer: '/organizationName', code: 'mismatch', message: 'organizationName is another name' }],
    });
  if (state.deletesAt !== null) return [];
  const deletesAt = new Date(now.getTime() + delayDays * DAY_MS).toISOString();
  return [{ type: 'organization.deletionScheduled', deletesAt }];
};

/** @throws Problem not_found when no deletion is scheduled */
export const decideDeletionCancellation = (state: Organization | undefined): readonly OrganizationBody[] => {
  if (!state || state.deletesAt === null || state.deletedAt !== null)
    throw new Problem('not_found', 'No deletion of your organization is scheduled.');
  return [{ type: 'organization.deletionCancelled' }];
};

/** The event of a deletion whose time has come; none when it was cancelled or done meanwhile. */
export const decideOrganizationDeletion = (state: Organization | undefined, now: Date): readonly OrganizationBody[] =>
  state && state.deletesAt !== null && state.deletedAt === null && new Date(state.deletesAt) <= now
    ? [{ type: 'organization.deleted' }]
    : [];

/** What an organization becomes by an event. @throws when the first event is not `organization.created`. */
export const evolveOrganization = (
  state: Organization | undefined,
  event: ControlEvent & OrganizationBody,
): Organization => {
  if (event.type === 'organization.created')
    return { name: event.name, disabled: false, createdAt: event.time, deletesAt: null, deletedAt: null };
  if (!state) throw new Error('an organization begins with organization.created');
  switch (event.type) {
    case 'organization.disabled':
      return { ...state, disabled: true };
    case 'organization.enabled':
      return { ...state, disabled: false };
    case 'organization.deletionScheduled':
      return { ...state, deletesAt: event.deletesAt };
    case 'organization.deletionCancelled':
      return { ...state, deletesAt: null };
    case 'organization.deleted':
      return { ...state, disabled: true, deletedAt: event.time };
  }
};
