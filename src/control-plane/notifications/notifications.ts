import type { ControlEvent, NotificationsBody } from '../../record/event-log/events/index.js';

/**
 * Who is notified: one webhook and some mail addresses. Of the webhook only its origin, as a URL may hold a secret.
 */
export type Notifications = Readonly<{ webhookOrigin: string | null; emails: readonly string[] }>;

export const NO_NOTIFICATIONS: Notifications = { webhookOrigin: null, emails: [] };

/** What the settings become by an event: each event holds them all. */
export const evolveNotifications = (
  _state: Notifications | undefined,
  { webhookOrigin, emails }: ControlEvent & NotificationsBody,
): Notifications => ({ webhookOrigin, emails });

/** New settings. Recorded also when they read the same, as the URL behind the origin or the secret may be another. */
export const decideNotificationsChange = (
  type: NotificationsBody['type'],
  next: Notifications,
): readonly NotificationsBody[] => [{ type, ...next }];
