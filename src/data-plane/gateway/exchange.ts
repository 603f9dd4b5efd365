import type { Directory } from '../directory/directory.js';
import type { ApprovalRequests } from '../enforcement/request-approval.js';
import type { Enforcement } from '../enforcement/enforce.js';
import type { ListParts } from '../lists/list-parts.js';
import type { RunningCalls } from '../relay/running-calls.js';
import type { OpenSession } from '../sessions/sealed-session.js';
import type { SessionParts } from '../sessions/session-parts.js';
import type { TaskIds } from '../sessions/task-ids.js';
import type { ApprovalTasks } from './held/approval-tasks.js';
import type { GatewayMetrics } from './metrics.js';
import type { ParkedCalls } from './held/parked-calls.js';
import type { GatewayQuotas } from './gateway-quotas.js';

export type { Exchange, ModernExchange, SessionExchange } from '../relay/exchange.js';

/** What the gateway is made of; bound once at the start. */
export type GatewayParts = SessionParts &
  ListParts &
  Readonly<{
    directory: Directory;
    enforcement: Enforcement;
    running: RunningCalls;
    parked: ParkedCalls;
    quotas: GatewayQuotas;
    approvals: Pick<ApprovalRequests, 'find' | 'withdraw'>;
    approvalTasks: ApprovalTasks;
    metrics: GatewayMetrics;
    openSession: OpenSession;
    taskIds: TaskIds;
    maxStalenessMs: number;
    publicUrl: () => string;
    allowedOrigins: readonly string[];
    trustedProxies: readonly string[];
  }>;
