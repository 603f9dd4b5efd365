import type { Tx } from './database.js';

/**
 * Something that went wrong and needs an admin of the organization. Nothing in it is a secret or the value of an
 * argument.
 */
export type Alarm = Readonly<{
  /** What happened, in the words of events: `logStream.suspended`. */
  type: string;
  /** The id of what it happened to. */
  subjectId: string;
  /** One line: the subject of the mail. */
  title: string;
  /** What it means and what to do, in sentences. */
  detail: string;
  /** Further members of the webhook's `data`. */
  data?: Readonly<Record<string, string | number | boolean | null>>;
  /** How long the same type of alarm about the same subject is not told again; an hour unless given. */
  quietSeconds?: number;
}>;

/**
 * Tells the organization of an alarm, in the transaction of what it is about: what commits is told, again after a
 * failure and for about eight hours, whichever process dies. `tx` may be of the organization or of a worker. An
 * organization that wants no notifications gets none, and one that gets many gets 60 an hour on each channel.
 */
export type TellAlarm = (tx: Tx, organizationId: string, alarm: Alarm) => Promise<void>;
