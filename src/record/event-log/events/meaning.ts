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

/** The meanings of these events, by type. */
export type MeaningLines<Events extends Readonly<{ type: string }>> = Readonly<
  Record<Events['type'], readonly [title: string, subject: Subject, activity: Activity, level?: Level, failed?: true]>
>;
