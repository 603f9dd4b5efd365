import type { Registry } from 'prom-client';
import type { Parts } from './app.module.js';
import { makeApprovalRequests } from '../control-plane/approvals/approval-requests.js';
import { startHeartbeat } from '../record/crash-recovery/heartbeat.js';
import { Directory } from '../data-plane/directory/directory.js';
import { boundApprovals, type ApprovalRequests } from '../data-plane/enforcement/request-approval.js';
import { RefusedTokens } from '../data-plane/directory/refused-tokens.js';
import { Enforcement } from '../data-plane/enforcement/enforce.js';
import { Recorder } from '../data-plane/enforcement/recorder.js';
import { makeReserve } from '../data-plane/enforcement/reserve.js';
import type { EventLog } from '../record/event-log/event-log.js';
import { ApprovalTasks } from '../data-plane/gateway/held/approval-tasks.js';
import { ListCache } from '../data-plane/lists/list-cache.js';
import { LiveStreams } from '../data-plane/relay/live-streams.js';
import { McpEndpoint } from '../data-plane/gateway/mcp-endpoint.js';
import { makeGatewayMetrics } from '../data-plane/gateway/metrics.js';
import { RunningCalls } from '../data-plane/relay/running-calls.js';
import { makeHttpClient } from '../mcp/http-client/http-client.js';
import { GatewayQuotas } from '../data-plane/gateway/gateway-quotas.js';
import { ApprovalWaits } from '../data-plane/gateway/held/approval-waits.js';
import { makeSessionOpener } from '../data-plane/sessions/sealed-session.js';
import { ChannelSessionStore } from '../data-plane/sessions/channel-session-store.js';
import { makeTaskIds } from '../data-plane/sessions/task-ids.js';
import { callQuota } from '../platform/fair-shares/data-plane-quotas.js';
import type { Handle } from './http-front.js';
import { Quota } from '../platform/fair-shares/quota.js';
import { SeenTools } from '../control-plane/servers/tools/seen-tools.js';
import { openEraBridge } from '../mcp/era-bridge/era-bridge.js';
import type { Forward } from '../mcp/upstream/forward.js';
import { openTransports, type Transports } from '../mcp/transports/transports.js';
import { toolsDigestOf } from '../mcp/transports/session-store.js';

const LIMIT_TIMEOUT_MS = 2000;
const APPROVAL_TIMEOUT_MS = 2000;
const MAX_OPEN_SESSIONS = 20_000;

type Gateway = Readonly<{ handle: Handle; ready: () => Promise<void>; drain: () => void; stop: () => Promise<void> }>;

type Inner = Readonly<{
  directory: Directory;
  enforcement: Enforcement;
  streams: LiveStreams;
  approvalWaits: ApprovalWaits;
  heldCalls: ApprovalRequests;
  forward: Forward;
  noticed: SeenTools;
}>;

const makeEndpoint = (
  parts: Parts & Readonly<{ metrics: Registry }>,
  { directory, enforcement, streams, approvalWaits, heldCalls, forward, noticed }: Inner,
): McpEndpoint => {
  const { config, vault } = parts;
  const sessionKey = vault.purposeKey('mcp-session');
  const metrics = makeGatewayMetrics(parts.metrics, () => streams.size);
  return new McpEndpoint({
    directory,
    enforcement,
    streams,
    lists: new ListCache(),
    recordSeenTools: (seen) => noticed.notice(seen),
    toolsChanged: (of) => noticed.hasten(of),
    running: new RunningCalls(),
    approvalWaits,
    quotas: new GatewayQuotas(),
    approvals: heldCalls,
    approvalTasks: new ApprovalTasks(),
    refusedTokens: new RefusedTokens(directory, parts.database),
    store: parts.store,
    forward,
    eventDropped: (reason) => metrics.droppedEvents.inc({ reason }),
    metrics,
    sessionKey,
    openSession: makeSessionOpener(sessionKey, { max: MAX_OPEN_SESSIONS }),
    taskIds: makeTaskIds(vault.purposeKey('mcp-task')),
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    maxStalenessMs: config.maxStalenessMs,
    publicUrl: parts.publicUrl,
    allowedOrigins: config.allowedOrigins,
    trustedProxies: config.trustedProxies,
  });
};

type GatewayRoleParts = Parts & Readonly<{ eventLog: EventLog; metrics: Registry }>;

/** What asks a server for its eras belongs to no grant, and ends what it opened. */
const isGrant = (owner: string): boolean => owner.startsWith('grt_');

const digestOfTools = (directory: Directory, serverId: string): string | undefined => {
  const tools = directory.toolsOf(serverId);
  if (!tools || tools.size === 0) return undefined;
  return toolsDigestOf([...tools].map(([name, { definitionHash }]) => ({ name, definitionHash })));
};

const makeTransports = (parts: GatewayRoleParts, directory: Directory, bootId: string): Transports => {
  const { config, database, store, vault, outbound, stdio, openSessions } = parts;
  const transports = openTransports({
    http: makeHttpClient(outbound.connector),
    stdio,
    isGrantActive: (owner) => !isGrant(owner) || directory.mayCall(owner, Date.now()),
    limits: config.channelSessions,
    store: new ChannelSessionStore({
      database,
      store,
      vault,
      bootId,
      isOnlyGateway: config.databaseUrl === undefined,
      discoveredTools: (serverId) => digestOfTools(directory, serverId),
    }),
    openSessions,
  });
  directory.onEvent((event) => {
    if (event.type === 'session.ended') transports.endSession(event.sessionId);
  });
  return transports;
};

const openEnforcement = async (parts: GatewayRoleParts, directory: Directory) => {
  const { config, database } = parts;
  const recorder = new Recorder(parts.eventLog);
  const heartbeat = await startHeartbeat(database, {
    bootId: recorder.bootId,
    open: recorder.openCalls,
    maxStalenessMs: config.maxStalenessMs,
  });
  const heldCalls = makeApprovalRequests(parts);
  const enforcement = new Enforcement({
    calls: new Quota(callQuota(config.calls)),
    reserve: makeReserve(database.limits, LIMIT_TIMEOUT_MS, config.kafka ? database.log : undefined),
    approvals: boundApprovals(heldCalls, APPROVAL_TIMEOUT_MS),
    recorder,
    isStale: () => directory.ageMs() > config.maxStalenessMs || heartbeat.isLate(),
    now: Date.now,
  });
  return { recorder, heartbeat, heldCalls, enforcement };
};

/** The `gateway` role: the directory, enforcement, and the MCP endpoint on top. */
export const startGateway = async (parts: GatewayRoleParts): Promise<Gateway> => {
  const { config, database, store } = parts;
  const directory = new Directory(database, parts.vault, parts.publicUrl);
  await directory.start();
  store.onCommitted((organizationId) => directory.refresh(organizationId));
  const { recorder, heartbeat, heldCalls, enforcement } = await openEnforcement(parts, directory);
  const streams = new LiveStreams(directory);
  const noticed = new SeenTools(store, database);
  const approvalWaits = new ApprovalWaits();
  directory.onEvent((event) => approvalWaits.onEvent(event));
  const transports = makeTransports(parts, directory, recorder.bootId);
  const eraBridge = openEraBridge(transports.forward);
  const { forward } = eraBridge;
  const inner: Inner = { directory, enforcement, streams, approvalWaits, heldCalls, forward, noticed };
  const endpoint = makeEndpoint(parts, inner);
  return {
    handle: (request, response) => endpoint.handle(request, response),
    ready: async () => {
      if (directory.ageMs() > config.maxStalenessMs) throw new Error('the directory is stale');
    },
    drain: () => {
      approvalWaits.drain();
      streams.drain();
    },
    stop: async () => {
      streams.stop();
      enforcement.stop();
      noticed.stop();
      await eraBridge.stop();
      transports.stop();
      await recorder.stop();
      await heartbeat.stop();
      await directory.stop();
    },
  };
};
