import { isDeepStrictEqual } from 'node:util';
import type {
  ControlEvent,
  ServerBody,
  ServerStatus,
  Transport,
  UpstreamAuth,
} from '../../record/event-log/events/index.js';
import { eraOf, type Era } from '../../mcp/protocol/era.js';
import { notFound } from '../../platform/runtime/problems.js';
import type { Category } from '../../policy-engine/classify/classify.js';
import type { Discovered } from '../../mcp/upstream/discover.js';
import { afterAcceptance, afterDiscovery, discoveredEvents, noTools, type ToolsState } from './tool-definitions.js';

export const CLIENT_AUTH = ['token', 'oauth', 'both'] as const;
export type ClientAuth = (typeof CLIENT_AUTH)[number];

/** What a member says that a tool can do, and why. */
export type Overruling = Readonly<{ category: Category; reason: string }>;

/**
 * What a server's events add up to. `status` is what the newest discovery found; `tools` are those of the newest one
 * that succeeded.
 */
export type ServerState = Readonly<{
  name: string;
  transport: Transport;
  auth: UpstreamAuth;
  clientAuth: ClientAuth;
  /** The policy of a sign-in whose identity has no other grant for this server. */
  defaultPolicyId: string | null;
  status: ServerStatus;
  statusDetail: string | null;
  disabled: boolean;
  /** Whether a session whose process or connection is gone may be started again. */
  restartSessions: boolean;
  serverInfo: Readonly<Record<string, unknown>> | null;
  protocolVersion: string | null;
  eras: readonly Era[];
  /** Names of tools whose calls are refused, whatever later discoveries find. */
  disabledTools: readonly string[];
  /** What members say that tools can do, by name, against what is found. */
  toolCategories: Readonly<Record<string, Overruling>>;
  createdAt: string;
  discoveredAt: string | null;
  deleted: boolean;
}> &
  ToolsState;

/** How a server is reached: what an administrator sets, without the secrets. */
export type ServerSettings = Readonly<{
  name: string;
  transport: Transport;
  auth: UpstreamAuth;
  clientAuth: ClientAuth;
  restartSessions?: boolean;
}>;
export type ServerPatch = Partial<ServerSettings & Readonly<{ disabled: boolean; defaultPolicyId: string | null }>>;

const began = (event: ControlEvent & Extract<ServerBody, { type: 'server.registered' }>): ServerState => ({
  name: event.name,
  transport: event.transport,
  auth: event.auth,
  clientAuth: event.clientAuth,
  defaultPolicyId: null,
  status: 'unreachable',
  statusDetail: null,
  disabled: false,
  restartSessions: event.restartSessions ?? true,
  serverInfo: null,
  protocolVersion: null,
  eras: [],
  ...noTools,
  disabledTools: [],
  toolCategories: {},
  createdAt: event.time,
  discoveredAt: null,
  deleted: false,
});

const discoveredIn = (
  state: ServerState,
  event: ControlEvent & Extract<ServerBody, { type: 'tools.discovered' }>,
): ServerState => {
  const { status, detail: statusDetail, serverInfo, protocolVersion } = event;
  if (event.tools === null) return { ...state, status, statusDetail };
  const known = { ...state, ...afterDiscovery(state, event) };
  if (event.partial) return known;
  // Events of releases that knew one era say the revision alone.
  const era = eraOf(protocolVersion);
  return {
    ...known,
    status,
    statusDetail,
    serverInfo,
    protocolVersion,
    eras: event.eras ?? (era === undefined ? [] : [era]),
    discoveredAt: event.time,
  };
};

const changedIn = (
  state: ServerState,
  {
    name,
    transport,
    auth,
    clientAuth,
    disabled,
    restartSessions,
    ...rest
  }: Extract<ServerBody, { type: 'server.changed' }>,
): ServerState => ({
  ...state,
  name: name ?? state.name,
  transport: transport ?? state.transport,
  auth: auth ?? state.auth,
  clientAuth: clientAuth ?? state.clientAuth,
  defaultPolicyId: rest.defaultPolicyId === undefined ? state.defaultPolicyId : rest.defaultPolicyId,
  disabled: disabled ?? state.disabled,
  restartSessions: restartSessions ?? state.restartSessions,
});

/** Names are texts of the server's: `__proto__` is one among others. */
const withOverruling = (
  { toolCategories }: ServerState,
  tool: string,
  overruling: Overruling | undefined,
): ServerState['toolCategories'] =>
  Object.fromEntries([
    ...Object.entries(toolCategories).filter(([name]) => name !== tool),
    ...(overruling ? [[tool, { category: overruling.category, reason: overruling.reason }] as const] : []),
  ]);

/** Applies one event of a server. A server begins with `server.registered`. */
export const evolveServer = (state: ServerState | undefined, event: ControlEvent & ServerBody): ServerState => {
  if (event.type === 'server.registered') return began(event);
  if (state === undefined) throw new Error('a server begins with server.registered');
  switch (event.type) {
    case 'server.changed':
      return changedIn(state, event);
    case 'tools.discovered':
      return discoveredIn(state, event);
    case 'tool.disabled':
      return { ...state, disabledTools: [...state.disabledTools, event.tool] };
    case 'tool.enabled':
      return { ...state, disabledTools: state.disabledTools.filter((name) => name !== event.tool) };
    case 'tool.categoryOverruled':
      return { ...state, toolCategories: withOverruling(state, event.tool, event as Overruling) };
    case 'tool.categoryRestored':
      return { ...state, toolCategories: withOverruling(state, event.tool, undefined) };
    case 'tool.changed':
      return state;
    case 'tool.accepted':
      return { ...state, ...afterAcceptance(state, event) };
    case 'server.deleted':
      return { ...state, deleted: true };
  }
};

/** The state of a server that is there. @throws Problem `not_found` for one that never was or is deleted. */
export const existingServer = (state: ServerState | undefined): ServerState => {
  if (state === undefined || state.deleted) throw notFound('server');
  return state;
};

/** The events of a registration, with what the first discovery found. */
export const decideServerCreation = (
  serverId: string,
  _state: ServerState | undefined,
  { settings, found }: Readonly<{ settings: ServerSettings; found: Discovered }>,
): readonly ServerBody[] => [
  { type: 'server.registered', serverId, ...settings },
  ...discoveredEvents(serverId, noTools, found),
];

/**
 * The events of a change; none when nothing differs. New credentials always count as a change, as their values are not
 * known here.
 */
export const decideServerChange = (
  serverId: string,
  state: ServerState | undefined,
  patch: ServerPatch,
): readonly ServerBody[] => {
  const current = existingServer(state);
  const differs = Object.entries(patch).filter(
    ([key, value]) =>
      value !== undefined && (key === 'auth' || !isDeepStrictEqual(current[key as keyof ServerPatch], value)),
  );
  return differs.length === 0 ? [] : [{ type: 'server.changed', serverId, ...Object.fromEntries(differs) }];
};

/** The event of a deletion. @throws Problem `not_found`, also for a server that is deleted already */
export const decideServerDeletion = (serverId: string, state: ServerState | undefined): readonly ServerBody[] => {
  existingServer(state);
  return [{ type: 'server.deleted', serverId }];
};

/**
 * The event that disables or enables one tool; none when it is so already. @throws Problem `not_found` for a tool that
 * the newest discovery did not find: a name that is misspelt must not look switched off.
 */
export const decideToolSwitch = (
  serverId: string,
  state: ServerState | undefined,
  { tool, disabled }: Readonly<{ tool: string; disabled?: boolean | undefined }>,
): readonly ServerBody[] => {
  const { tools, disabledTools } = existingServer(state);
  if (!tools.some(({ name }) => name === tool)) throw notFound('tool');
  if (disabled === undefined || disabledTools.includes(tool) === disabled) return [];
  return [{ type: disabled ? 'tool.disabled' : 'tool.enabled', serverId, tool }];
};

/** What a member says that a tool can do; undefined when nobody says anything. */
export const overrulingOf = ({ toolCategories }: ServerState, tool: string): Overruling | undefined =>
  Object.hasOwn(toolCategories, tool) ? toolCategories[tool] : undefined;

/**
 * The event by which a member overrules what is found of a tool, or takes that back; none when it is so already.
 * @throws Problem `not_found` for a tool that the newest discovery did not find
 */
export const decideToolCategory = (
  serverId: string,
  state: ServerState | undefined,
  { tool, overruling }: Readonly<{ tool: string; overruling: Overruling | undefined }>,
): readonly ServerBody[] => {
  const server = existingServer(state);
  if (!server.tools.some(({ name }) => name === tool)) throw notFound('tool');
  const now = overrulingOf(server, tool);
  if (now?.category === overruling?.category && now?.reason === overruling?.reason) return [];
  return overruling === undefined
    ? [{ type: 'tool.categoryRestored', serverId, tool }]
    : [{ type: 'tool.categoryOverruled', serverId, tool, ...overruling }];
};
