import type { AccountEvents } from './accounts.js';
import type { ApprovalBody } from './approvals.js';
import type { AuditFact } from './audit.js';
import type { Actor, Envelope } from './envelope.js';
import type { GrantEvents } from './grants.js';
import type { LogStreamEvents } from './log-streams.js';
import type { NotificationsBody } from './notifications.js';
import type { PolicyBody } from './policies.js';
import type { ServerBody } from './servers.js';
import type { SessionFact } from './sessions.js';

/** What a control event tells, by its type. */
export type ControlBody =
  | AccountEvents
  | ServerBody
  | PolicyBody
  | GrantEvents
  | ApprovalBody
  | NotificationsBody
  | LogStreamEvents
  | SessionFact
  | AuditFact;

/**
 * A change of the control plane and who made it, from where. `before` and `after` hold what has changed of a thing that
 * was there, by the members of its state.
 */
export type ControlEvent = Envelope &
  Readonly<{
    actor: Actor;
    sourceIp?: string;
    before?: Readonly<Record<string, unknown>>;
    after?: Readonly<Record<string, unknown>>;
  }> &
  ControlBody;
