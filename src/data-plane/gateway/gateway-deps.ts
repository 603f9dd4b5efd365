import type { Directory } from '../directory/directory.js';
import type { RefusedTokens } from '../directory/refused-tokens.js';
import type { ApprovalRequests } from '../enforcement/request-approval.js';
import type { Enforcement } from '../enforcement/enforce.js';
import type { ListDeps } from '../lists/list-deps.js';
import type { RelayDeps } from '../relay/exchange.js';
import type { RunningCalls } from '../relay/running-calls.js';
import type { OpenSession } from '../sessions/sealed-session.js';
import type { SessionDeps } from '../sessions/session-deps.js';
import type { TaskIds } from '../sessions/task-ids.js';
import type { GatewayQuotas } from './gateway-quotas.js';
import type { ApprovalTasks } from './held/approval-tasks.js';
import type { ApprovalWaits } from './held/approval-waits.js';
import type { GatewayMetrics } from './metrics.js';

/** What deciding a request and putting the decision on record takes. */
export type DecideDeps = Readonly<{ enforcement: Enforcement; metrics: GatewayMetrics }>;

/** What sending an allowed request upstream and passing its answer on takes. */
export type ForwardDeps = RelayDeps & Readonly<{ running: RunningCalls; taskIds: TaskIds; metrics: GatewayMetrics }>;

/** What holding a call until people approve it takes, and then making it. */
export type HoldDeps = DecideDeps &
  ForwardDeps &
  Readonly<{
    directory: Directory;
    approvals: Pick<ApprovalRequests, 'find' | 'withdraw'>;
    approvalWaits: ApprovalWaits;
    approvalTasks: ApprovalTasks;
    refusedTokens: RefusedTokens;
    publicUrl: () => string;
  }>;

/** What tells whether a request may reach an upstream at all. */
export type AvailabilityDeps = Readonly<{ directory: Directory; maxStalenessMs: number }>;

/** What serving one message of either era takes. */
export type ServeDeps = HoldDeps & ListDeps & AvailabilityDeps & Readonly<{ quotas: GatewayQuotas }>;

/** What the MCP endpoint is made of; the process binds it once at its start. */
export type EndpointDeps = ServeDeps &
  SessionDeps &
  Readonly<{
    openSession: OpenSession;
    allowedOrigins: readonly string[];
    trustedProxies: readonly string[];
  }>;
