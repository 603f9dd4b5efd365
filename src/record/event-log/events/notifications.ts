import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

/** Who hears of approvals, and of alarms. The URL of the webhook may hold a secret, so only its origin is here. */
export type NotificationsBody = EventOf<
  'approvalNotifications.changed' | 'notifications.changed',
  { webhookOrigin: string | null; emails: readonly string[] }
>;

/** What they mean. The compiler refuses this table when it misses one. */
export const notificationMeanings: MeaningLines<NotificationsBody> = {
  'notifications.changed': ['Notifications of alarms changed', 'notifications', 'update'],
  'approvalNotifications.changed': ['Notifications of approvals changed', 'notifications', 'update'],
};
