import { isDeepStrictEqual } from 'node:util';
import type {
  ControlEvent,
  DiscoveredTool,
  ServerBody,
  ServerStatus,
  Transport,
  UpstreamAuth,
} from '../../record/event-log/events/index.js';
import { eraOf, type Era } from '../../mcp/protocol/era.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { Discovered } from '../../mcp/upstream/discover.js';
import {
  afterAcceptance,
  afterDiscovery,
  changedEvents,
  noTools,
  takenIn,
  unlikeKnown,
  type ToolsState,
} from './tool-definitions.js';

export type ClientAuth = 'token' | 'oauth';

/**
 * What a server's events add up to. `status` is what the newest discovery found; `tools` are those of the newest one
 * that succeeded.
 */
export type ServerState = Readonly<{
  name: string;
  transport: Transport;
  auth: UpstreamAuth;
  clientAuth: ClientAuth;
  status: ServerStatus;
  statusDetail: string | null;
  disabled: boolean;
  serverInfo: Readonly<Record<string, unknown>> | null;
  protocolVersion: string | null;
  eras: readonly Era[];
  /** Names of tools whose calls are refused, whatever later discoveries find. */
  disabledTools: readonly string[];
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
}>;
export type ServerPatch = Partial<ServerSettings & Readonly<{ disabled: boolean }>>;

const began = (event: ControlEvent & Extract<ServerBody, { type: 'server.registered' }>): ServerState => ({
  name: event.name,
  transport: event.transport,
  auth: event.auth,
  clientAuth: event.clientAuth,
  status: 'unreachable',
  statusDetail: null,
  disabled: false,
  serverInfo: null,
  protocolVersion: null,
  eras: [],
  ...noTools,
  disabledTools: [],
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
  { name, transport, auth, clientAuth, disabled }: Extract<ServerBody, { type: 'server.changed' }>,
): ServerState => ({
  ...state,
  name: name ?? state.name,
  transport: transport ?? state.transport,
  auth: auth ?? state.auth,
  clientAuth: clientAuth ?? state.clientAuth,
  disabled: disabled ?? state.disabled,
});

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
    case 'tool.changed':
      return state;
    case 'tool.accepted':
      return { ...state, ...afterAcceptance(state, event) };
    case 'server.deleted':
      return { ...state, deleted: true };
  }
};

/** The state of a server that is there. @throws Problem `not_found` for one that never was or is deleted. */
export const present = (state: ServerState | undefined): ServerState => {
  if (state === undefined || state.deleted) throw notFound('server');
  return state;
};

/** What a discovery found, as events; those of changed tools come first. A failed one leaves the tools as they are. */
export const discoveredEvents = (serverId: string, state: ToolsState, found: Discovered): readonly ServerBody[] => {
  const { status, detail } = found;
  if (status !== 'ready')
    return [
      {
        type: 'tools.discovered',
        serverId,
        status,
        detail,
        serverInfo: null,
        protocolVersion: null,
        eras: [],
        tools: null,
      },
    ];
  const { serverInfo, protocolVersion, eras } = found;
  return [
    ...changedEvents(serverId, state, found.tools),
    {
      type: 'tools.discovered',
      serverId,
      status,
      detail,
      serverInfo,
      protocolVersion,
      eras,
      ...takenIn(state, found.tools),
    },
  ];
};

/**
 * The events of tools that were seen in a list on its way to a client; none when all are known as they are, or the
 * server is gone.
 */
export const noticeTools =
  (serverId: string, seen: readonly DiscoveredTool[]) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    if (state === undefined || state.deleted) return [];
    const { tools, newTools } = takenIn(state, unlikeKnown(state, seen));
    if (tools.length === 0) return [];
    const { status, statusDetail: detail, serverInfo, protocolVersion, eras } = state;
    return [
      ...changedEvents(serverId, state, tools),
      {
        type: 'tools.discovered',
        serverId,
        status,
        detail,
        serverInfo,
        protocolVersion,
        eras,
        tools,
        newTools,
        partial: true,
      },
    ];
  };

const sameWay = (one: ServerState, other: ServerState): boolean =>
  isDeepStrictEqual(one.transport, other.transport) && isDeepStrictEqual(one.auth, other.auth);

const unchanged = (state: ServerState, found: Extract<Discovered, { status: 'ready' }>): boolean =>
  state.discoveredAt !== null &&
  state.protocolVersion === found.protocolVersion &&
  isDeepStrictEqual(state.eras, found.eras);

/**
 * The events of a discovery that nobody asked for: what was found only as far as it is new. Tools that were not found
 * stay: servers list them by what a client can do. None when the server is gone, or is reached in another way than
 * `asked` described.
 */
export const rediscoverTools =
  (serverId: string, asked: ServerState, found: Discovered) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    if (state === undefined || state.deleted || !sameWay(state, asked)) return [];
    if (found.status === 'ready' && !unchanged(state, found)) return discoveredEvents(serverId, state, found);
    const told = found.status === state.status && found.detail === state.statusDetail;
    const status: readonly ServerBody[] = told
      ? []
      : [
          {
            type: 'tools.discovered',
            serverId,
            status: found.status,
            detail: found.detail,
            serverInfo: null,
            protocolVersion: null,
            eras: [],
            tools: null,
          },
        ];
    return [...status, ...(found.status === 'ready' ? noticeTools(serverId, found.tools)(state) : [])];
  };

/** The events of a registration. */
export const registerServer = (
  serverId: string,
  settings: ServerSettings,
  found: Discovered,
): readonly ServerBody[] => [
  { type: 'server.registered', serverId, ...settings },
  ...discoveredEvents(serverId, noTools, found),
];

/**
 * The event of a discovery that was made over the way `asked` described. @throws Problem `conflict` when the server
 * meanwhile is reached another way: the tools found could be another server's.
 */
export const recordDiscovery =
  (serverId: string, asked: ServerState, found: Discovered) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    const current = present(state);
    if (!sameWay(current, asked))
      throw new Problem('conflict', 'The server was changed meanwhile. Send the request again.');
    return discoveredEvents(serverId, current, found);
  };

/**
 * The events of a change; none when nothing differs. New credentials always count as a change, as their values are not
 * known here.
 */
export const changeServer =
  (serverId: string, patch: ServerPatch, found: Discovered | undefined, asked: ServerState) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    const current = present(state);
    const differs = Object.entries(patch).filter(
      ([key, value]) =>
        value !== undefined && (key === 'auth' || !isDeepStrictEqual(current[key as keyof ServerPatch], value)),
    );
    const changed: readonly ServerBody[] =
      differs.length === 0 ? [] : [{ type: 'server.changed', serverId, ...Object.fromEntries(differs) }];
    return found === undefined ? changed : [...changed, ...recordDiscovery(serverId, asked, found)(current)];
  };

/** The event of a deletion; a second one is refused as not found. */
export const deleteServer =
  (serverId: string) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    present(state);
    return [{ type: 'server.deleted', serverId }];
  };

/**
 * The event that disables or enables one tool; none when it is so already. @throws Problem `not_found` for a tool that
 * the newest discovery did not find: a name that is misspelt must not look switched off.
 */
export const switchTool =
  (serverId: string, tool: string, disabled: boolean | undefined) =>
  (state: ServerState | undefined): readonly ServerBody[] => {
    const { tools, disabledTools } = present(state);
    if (!tools.some(({ name }) => name === tool)) throw notFound('tool');
    if (disabled === undefined || disabledTools.includes(tool) === disabled) return [];
    return [{ type: disabled ? 'tool.disabled' : 'tool.enabled', serverId, tool }];
  };
