import type { ControlEvent } from './control.js';
import type { RecordEvent } from './record.js';
import type { ToolCallEvent } from './tool-calls.js';

export type * from './envelope.js';
export type * from './tool-calls.js';
export type * from './control.js';
export type * from './accounts.js';
export type * from './servers.js';
export type * from './policies.js';
export type * from './grants.js';
export type * from './approvals.js';
export type * from './notifications.js';
export type * from './log-streams.js';
export type * from './sessions.js';
export type * from './audit.js';
export type * from './record.js';

/** Everything that can stand in the audit log. */
export type ToolgateEvent = ToolCallEvent | ControlEvent | RecordEvent;

/** The topics of the event log: decisions and outcomes of calls, and control events. */
export const TOPICS = ['toolgate.decisions', 'toolgate.control'] as const;
export type Topic = (typeof TOPICS)[number];
