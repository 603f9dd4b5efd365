import type { ControlEvent, NotificationsBody } from '../../../record/event-log/events/index.js';

/**
 * Who hears of approvals: one webhook and some mail addresses. Of the webhook only its origin, as a URL may hold a
 * secret.
 */
export type Notifications = Readonly<{ webhookOrigin: string | null; emails: readonly string[] }>;

export const NO_NOTIFICATIONS: Notifications = { webhookOrigin: null, emails: [] };

/** What the settings become by an event: each event holds them all. */
export const evolveNotifications = (
  _state: Notifications | undefined,
  { webhookOrigin, emails }: ControlEvent & NotificationsBody,
): Notifications => ({ webhookOrigin, emails });

/** The settings of an organization are one stream; its id is made from the organization's. */
export const notificationsId = (organizationId: string): string => `ntf_${organizationId.slice('org_'.length)}`;

/** New settings. Recorded also when they read the same, as the URL behind the origin or the secret may be another. */
export const decideNotificationsChange = (
  _id: string,
  _state: Notifications | undefined,
  next: Notifications,
): readonly NotificationsBody[] => [{ type: 'approvalNotifications.changed', ...next }];
