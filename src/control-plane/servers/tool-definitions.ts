import type { DiscoveredTool, ServerBody } from '../../record/event-log/events/index.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { Discovered as DiscoveryResult } from '../../mcp/upstream/discover.js';
import type { Accepted } from '../../policy-engine/pins.js';

/**
 * What a server knows of its tools: those of today, and by name every definition that was accepted, tools that are gone
 * included.
 */
export type ToolsState = Readonly<{
  tools: readonly DiscoveredTool[];
  accepted: Readonly<Record<string, Accepted>>;
  acceptances: number;
}>;

export const noTools: ToolsState = { tools: [], accepted: {}, acceptances: 0 };

type Discovered = Extract<ServerBody, { type: 'tools.discovered' }>;

/**
 * A server that keeps inventing names must not fill the memory of every gateway: its tools under further names are left
 * out.
 */
const MAX_TOOL_NAMES = 5000;

const hashOf = ({ tools }: ToolsState, name: string): string | undefined =>
  tools.find((tool) => tool.name === name)?.definitionHash;

/** What of the tools found is taken in, and the names among them that this server never had before. */
export const admitTools = (
  { accepted }: ToolsState,
  found: readonly DiscoveredTool[],
): Readonly<{ tools: readonly DiscoveredTool[]; newTools: readonly string[] }> => {
  const isNew = ({ name }: DiscoveredTool): boolean => !Object.hasOwn(accepted, name);
  const room = Math.max(0, MAX_TOOL_NAMES - Object.keys(accepted).length);
  const newTools = new Set(
    found
      .filter(isNew)
      .slice(0, room)
      .map(({ name }) => name),
  );
  return { tools: found.filter((tool) => !isNew(tool) || newTools.has(tool.name)), newTools: [...newTools] };
};

/** One event for each tool whose definition is another than the one that was known. */
export const changedEvents = (
  serverId: string,
  state: ToolsState,
  found: readonly DiscoveredTool[],
): readonly ServerBody[] => {
  const known = new Map(state.tools.map(({ name, definitionHash }) => [name, definitionHash]));
  return found.flatMap(({ name: tool, definitionHash }) => {
    const previousDefinitionHash = known.get(tool);
    return previousDefinitionHash === undefined || previousDefinitionHash === definitionHash
      ? []
      : [{ type: 'tool.changed', serverId, tool, previousDefinitionHash, definitionHash } as const];
  });
};

/** What a discovery found, as events; those of changed tools come first. A failed one leaves the tools as they are. */
export const discoveredEvents = (
  serverId: string,
  state: ToolsState,
  found: DiscoveryResult,
): readonly ServerBody[] => {
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
      ...admitTools(state, found.tools),
    },
  ];
};

/** The tools that are not known as they are. */
export const findUnknownTools = (state: ToolsState, seen: readonly DiscoveredTool[]): readonly DiscoveredTool[] => {
  const known = new Map(state.tools.map(({ name, definitionHash }) => [name, definitionHash]));
  return seen.filter(({ name, definitionHash }) => known.get(name) !== definitionHash);
};

const accepting = (
  { accepted, acceptances }: ToolsState,
  hashes: readonly (readonly [name: string, definitionHash: string])[],
): Pick<ToolsState, 'accepted' | 'acceptances'> => {
  if (hashes.length === 0) return { accepted, acceptances };
  const number = acceptances + 1;
  return {
    accepted: Object.fromEntries([
      ...Object.entries(accepted),
      ...hashes.map(([name, definitionHash]) => [name, { definitionHash, number }] as const),
    ]),
    acceptances: number,
  };
};

/**
 * The tools after a discovery. What was known of a new name before names were kept counts for more than what was found
 * now.
 */
export const afterDiscovery = (
  state: ToolsState,
  { tools: found, partial, newTools = [] }: Pick<Discovered, 'tools' | 'partial' | 'newTools'>,
): ToolsState => {
  if (found === null) return state;
  const tools = partial ? [...new Map([...state.tools, ...found].map((tool) => [tool.name, tool])).values()] : found;
  const names = new Set(newTools);
  return {
    tools,
    ...accepting(
      state,
      found
        .filter(({ name }) => names.has(name))
        .map(({ name, definitionHash }) => [name, hashOf(state, name) ?? definitionHash]),
    ),
  };
};

/** The state of the tools once a member has accepted a definition. */
export const afterAcceptance = (
  state: ToolsState,
  { tool, definitionHash }: Extract<ServerBody, { type: 'tool.accepted' }>,
): ToolsState => ({ tools: state.tools, ...accepting(state, [[tool, definitionHash]]) });

/** What a member accepts: the definition they read, if they say which, in place of the one that is pinned. */
export type Acceptance = Readonly<{ tool: string; definitionHash: string | undefined; pinned: string | null }>;

/**
 * The event of an acceptance; none for what is pinned already. @throws Problem `not_found` for a tool that is not
 * there,
 * `conflict` when its definition is not the one that the member read.
 */
export const decideToolAcceptance = (
  serverId: string,
  state: ToolsState,
  { tool, definitionHash: read, pinned }: Acceptance,
): readonly ServerBody[] => {
  const definitionHash = hashOf(state, tool);
  if (definitionHash === undefined) throw notFound('tool');
  if (read !== undefined && read !== definitionHash)
    throw new Problem('conflict', 'The definition of this tool is another one by now: look at it again.');
  return pinned === definitionHash
    ? []
    : [{ type: 'tool.accepted', serverId, tool, previousDefinitionHash: pinned, definitionHash }];
};
