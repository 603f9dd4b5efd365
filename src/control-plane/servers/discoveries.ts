import { isDeepStrictEqual } from 'node:util';
import type { DiscoveredTool, ServerBody } from '../../record/event-log/events/index.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Discovered } from '../../mcp/upstream/discover.js';
import { existingServer, type ServerState } from './servers.js';
import { admitTools, changedEvents, discoveredEvents, findUnknownTools } from './tool-definitions.js';

/** A discovery: what it found, at the server that `asked` described. */
type MadeAt = Readonly<{ asked: ServerState; found: Discovered }>;

/**
 * The events of tools that a gateway saw in a list on its way to a client; none when all are known as they are, or the
 * server is gone.
 */
export const decideSeenTools = (
  serverId: string,
  state: ServerState | undefined,
  seen: readonly DiscoveredTool[],
): readonly ServerBody[] => {
  if (state === undefined || state.deleted) return [];
  const { tools, newTools } = admitTools(state, findUnknownTools(state, seen));
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

const isReachedAlike = (one: ServerState, other: ServerState): boolean =>
  isDeepStrictEqual(one.transport, other.transport) && isDeepStrictEqual(one.auth, other.auth);

const isAsDiscovered = (state: ServerState, found: Extract<Discovered, { status: 'ready' }>): boolean =>
  state.discoveredAt !== null &&
  state.protocolVersion === found.protocolVersion &&
  isDeepStrictEqual(state.eras, found.eras);

const statusEvents = (serverId: string, state: ServerState, { status, detail }: Discovered): readonly ServerBody[] =>
  status === state.status && detail === state.statusDetail
    ? []
    : [
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

/**
 * The events of a discovery that nobody requested: only what is new in it. Tools that it did not find stay, as servers
 * list tools by what a client can do. None when the server is gone, or its transport or auth is no longer as `asked`
 * describes.
 */
export const decideRediscovery = (
  serverId: string,
  state: ServerState | undefined,
  { asked, found }: MadeAt,
): readonly ServerBody[] => {
  if (state === undefined || state.deleted || !isReachedAlike(state, asked)) return [];
  if (found.status !== 'ready') return statusEvents(serverId, state, found);
  if (!isAsDiscovered(state, found)) return discoveredEvents(serverId, state, found);
  return [...statusEvents(serverId, state, found), ...decideSeenTools(serverId, state, found.tools)];
};

/**
 * The events of a discovery that somebody requested. @throws Problem `conflict` when the server's transport or auth is
 * no longer as `asked` describes: the tools found could be another server's.
 */
export const decideDiscovery = (
  serverId: string,
  state: ServerState | undefined,
  { asked, found }: MadeAt,
): readonly ServerBody[] => {
  const current = existingServer(state);
  if (!isReachedAlike(current, asked))
    throw new Problem('conflict', 'The server was changed meanwhile. Send the request again.');
  return discoveredEvents(serverId, current, found);
};
