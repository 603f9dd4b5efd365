import type { NotificationsBody } from '../../record/event-log/events/index.js';

/** What people are notified of: each subject has settings, a webhook and an outbox of its own. */
export type Subject = Readonly<{
  /** The type of the event that records new settings. */
  event: NotificationsBody['type'];
  /** The id of the settings of an organization is made from the organization's. */
  prefix: 'ntf' | 'nta';
  settings: 'approval_notifications' | 'alarm_notifications';
  webhooks: 'approval_webhooks' | 'alarm_webhooks';
  outbox: 'approval_outbox' | 'alarm_outbox';
  /** The column of the outbox that has the id of what a notification tells of. */
  about: 'approval_id' | 'subject_id';
}>;

/** Requests for approval, and what becomes of them. */
export const APPROVALS: Subject = {
  event: 'approvalNotifications.changed',
  prefix: 'ntf',
  settings: 'approval_notifications',
  webhooks: 'approval_webhooks',
  outbox: 'approval_outbox',
  about: 'approval_id',
};

/** What goes wrong and needs an admin. */
export const ALARMS: Subject = {
  event: 'notifications.changed',
  prefix: 'nta',
  settings: 'alarm_notifications',
  webhooks: 'alarm_webhooks',
  outbox: 'alarm_outbox',
  about: 'subject_id',
};

/** The id of an organization's settings for a subject: they are one stream. */
export const settingsId = ({ prefix }: Subject, organizationId: string): string =>
  `${prefix}_${organizationId.slice('org_'.length)}`;
