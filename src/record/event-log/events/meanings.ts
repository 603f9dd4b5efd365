import { accountMeanings } from './accounts.js';
import { approvalMeanings } from './approvals.js';
import { auditMeanings } from './audit.js';
import { grantMeanings } from './grants.js';
import type { ToolgateEvent } from './index.js';
import { logStreamMeanings } from './log-streams.js';
import type { Meaning, MeaningLines } from './meaning.js';
import { notificationMeanings } from './notifications.js';
import { policyMeanings } from './policies.js';
import { recordMeanings } from './record.js';
import { serverMeanings } from './servers.js';
import { sessionMeanings } from './sessions.js';
import { toolCallMeanings } from './tool-calls.js';

/** The compiler refuses this table when a type of event has no meaning. */
const lines: MeaningLines<ToolgateEvent> = {
  ...accountMeanings,
  ...serverMeanings,
  ...policyMeanings,
  ...grantMeanings,
  ...approvalMeanings,
  ...notificationMeanings,
  ...logStreamMeanings,
  ...sessionMeanings,
  ...auditMeanings,
  ...recordMeanings,
  ...toolCallMeanings,
};

/** Every type that an event can have. */
export const EVENT_TYPES: readonly string[] = Object.keys(lines);

const meanings: ReadonlyMap<string, Meaning> = new Map(
  Object.entries(lines).map(([type, [title, subject, activity, level, failed]]) => [
    type,
    { title, subject, activity, ...(level && { level }), ...(failed && { failed }) },
  ]),
);

/** The meaning of a type; one that this release does not know is about something else, and is no reason to stop. */
export const meaningOf = (type: string): Meaning =>
  meanings.get(type) ?? { title: type === '' ? 'Event' : type, subject: 'other', activity: 'other' };
