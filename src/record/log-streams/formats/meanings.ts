import type { ToolgateEvent } from '../../event-log/events/index.js';

/** What an event is about. */
export type Subject =
  | 'call'
  | 'organization'
  | 'member'
  | 'signIn'
  | 'invitation'
  | 'apiKey'
  | 'server'
  | 'tool'
  | 'policy'
  | 'identity'
  | 'grant'
  | 'hold'
  | 'notifications'
  | 'session'
  | 'auditLog'
  | 'record'
  | 'gateway'
  | 'logStream'
  | 'other';

/** What was done to it. */
export type Activity =
  | 'create'
  | 'read'
  | 'update'
  | 'delete'
  | 'enable'
  | 'disable'
  | 'start'
  | 'stop'
  | 'signIn'
  | 'signOut'
  | 'setPassword'
  | 'resetPassword'
  | 'find'
  | 'resolve'
  | 'other';

export const LEVELS = ['info', 'low', 'medium', 'high'] as const;
/** How much a record asks for attention. */
export type Level = (typeof LEVELS)[number];

/** What a type of event means, from which every format makes its own classes. */
export type Meaning = Readonly<{
  title: string;
  subject: Subject;
  activity: Activity;
  /** By default `info`. Decisions and outcomes have a level by what came of them. */
  level?: Level;
  /** The event tells of something that did not come about. */
  failed?: true;
}>;

type EventType = ToolgateEvent['type'];
type Line = readonly [title: string, subject: Subject, activity: Activity, level?: Level, failed?: true];

/** The meanings of all types. The compiler refuses this table when it misses one. */
const lines: Readonly<Record<EventType, Line>> = {
  'organization.created': ['Organization created', 'organization', 'create'],
  'organization.disabled': ['Organization disabled', 'organization', 'disable', 'medium'],
  'organization.enabled': ['Organization enabled', 'organization', 'enable'],
  'organization.exported': ['Organization exported', 'organization', 'read', 'medium'],
  'organization.deletionScheduled': ['Deletion of the organization scheduled', 'organization', 'update', 'high'],
  'organization.deletionCancelled': ['Deletion of the organization cancelled', 'organization', 'update', 'medium'],
  'organization.deleted': ['Organization deleted', 'organization', 'delete', 'high'],
  'member.joined': ['Member joined', 'member', 'create'],
  'member.roleChanged': ['Role of a member changed', 'member', 'update', 'low'],
  'member.removed': ['Member removed', 'member', 'delete', 'low'],
  'member.erased': ['Personal data of a member erased', 'member', 'delete', 'medium'],
  'member.dataExported': ['Personal data of a member exported', 'member', 'read', 'low'],
  'member.signedIn': ['Signed in', 'signIn', 'signIn'],
  'member.signedOut': ['Signed out', 'signIn', 'signOut'],
  'member.signInFailed': ['Sign-in failed', 'signIn', 'signIn', 'medium', true],
  'member.passwordChanged': ['Password changed', 'member', 'setPassword'],
  'member.secondFactorChanged': ['Second factor changed', 'member', 'update', 'low'],
  'member.passwordResetIssued': ['Password reset issued', 'member', 'resetPassword', 'low'],
  'invitation.sent': ['Invitation sent', 'invitation', 'create'],
  'invitation.withdrawn': ['Invitation withdrawn', 'invitation', 'delete'],
  'apiKey.issued': ['API key issued', 'apiKey', 'create', 'low'],
  'apiKey.revoked': ['API key revoked', 'apiKey', 'delete'],
  'server.registered': ['Server registered', 'server', 'create'],
  'server.changed': ['Server changed', 'server', 'update'],
  'server.deleted': ['Server deleted', 'server', 'delete', 'low'],
  'tools.discovered': ['Tools discovered', 'server', 'update'],
  'tool.disabled': ['Tool disabled', 'tool', 'disable'],
  'tool.enabled': ['Tool enabled', 'tool', 'enable'],
  'tool.categoryOverruled': ['Category of a tool overruled', 'tool', 'update', 'medium'],
  'tool.categoryRestored': ['Category of a tool restored', 'tool', 'update', 'low'],
  'tool.changed': ['Definition of a tool changed', 'tool', 'update', 'medium'],
  'tool.accepted': ['Definition of a tool accepted', 'tool', 'update', 'low'],
  'policy.published': ['Policy published', 'policy', 'update', 'low'],
  'policy.deleted': ['Policy deleted', 'policy', 'delete', 'low'],
  'identity.created': ['Identity created', 'identity', 'create'],
  'identity.changed': ['Identity changed', 'identity', 'update'],
  'identity.disabled': ['Identity disabled', 'identity', 'disable'],
  'identity.enabled': ['Identity enabled', 'identity', 'enable'],
  'identity.deleted': ['Identity deleted', 'identity', 'delete'],
  'grant.issued': ['Grant issued', 'grant', 'create', 'low'],
  'grant.changed': ['Grant changed', 'grant', 'update', 'low'],
  'grant.disabled': ['Grant disabled', 'grant', 'disable'],
  'grant.enabled': ['Grant enabled', 'grant', 'enable'],
  'grant.rotated': ['Token of a grant rotated', 'grant', 'update'],
  'grant.revoked': ['Grant revoked', 'grant', 'delete'],
  'approval.requested': ['Call held for approval', 'hold', 'find', 'low'],
  'approval.decided': ['Approval decided', 'hold', 'resolve', 'low'],
  'approval.expired': ['Approval expired', 'hold', 'resolve'],
  'notifications.changed': ['Notifications of alarms changed', 'notifications', 'update'],
  'approvalNotifications.changed': ['Notifications of approvals changed', 'notifications', 'update'],
  'logStream.created': ['Log stream created', 'logStream', 'create', 'low'],
  'logStream.changed': ['Log stream changed', 'logStream', 'update', 'low'],
  'logStream.deleted': ['Log stream deleted', 'logStream', 'delete', 'medium'],
  'logStream.paused': ['Log stream paused', 'logStream', 'disable', 'medium'],
  'logStream.resumed': ['Log stream resumed', 'logStream', 'enable'],
  'logStream.suspended': ['Log stream suspended', 'logStream', 'disable', 'high'],
  'logStream.secretRotated': ['Secret of a log stream rotated', 'logStream', 'update'],
  'logStream.tested': ['Log stream tested', 'logStream', 'read'],
  'logStream.redriven': ['Dead letters of a log stream sent again', 'logStream', 'start'],
  'logStream.backfillStarted': ['Backfill of a log stream started', 'logStream', 'start'],
  'logStream.backfillCancelled': ['Backfill of a log stream cancelled', 'logStream', 'stop'],
  'logStream.alarmRaised': ['Alarm of a log stream raised', 'logStream', 'other', 'high'],
  'session.ended': ['Session ended', 'session', 'delete'],
  'session.restarted': ['Session restarted', 'session', 'start'],
  'audit.read': ['Audit log read', 'auditLog', 'read'],
  'audit.exported': ['Audit log exported', 'auditLog', 'read', 'low'],
  'audit.suppressed': ['Refusals counted, not recorded one by one', 'record', 'find', 'medium'],
  'audit.gap': ['Records are missing', 'record', 'find', 'high'],
  'gateway.started': ['Gateway started', 'gateway', 'start'],
  'gateway.stopped': ['Gateway stopped', 'gateway', 'stop'],
  'toolCall.decided': ['Call decided', 'call', 'other'],
  'toolCall.completed': ['Call completed', 'call', 'other'],
};

const meanings: ReadonlyMap<string, Meaning> = new Map(
  Object.entries(lines).map(([type, [title, subject, activity, level, failed]]) => [
    type,
    { title, subject, activity, ...(level && { level }), ...(failed && { failed }) },
  ]),
);

/** The meaning of a type; one that this release does not know is about something else, and is no reason to stop. */
export const meaningOf = (type: string): Meaning =>
  meanings.get(type) ?? { title: type === '' ? 'Event' : type, subject: 'other', activity: 'other' };
