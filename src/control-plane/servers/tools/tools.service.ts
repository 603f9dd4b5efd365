import { Injectable } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import type { Tx } from '../../../platform/postgres/database.js';
import { notFound } from '../../../platform/runtime/problems.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { requireVersion } from '../../../record/event-store/require-version.js';
import { pageStart, toPage } from '../../../platform/rest/page.js';
import { existingServer, decideToolSwitch, type ServerState } from '../servers.js';
import { findDefinitions, serverStream } from '../servers.store.js';
import { decideToolAcceptance } from '../tool-definitions.js';
import { changesOf, pinOf } from './tool-changes.js';
import { toolView } from './tool-view.js';
import type { AcceptTool, ToolPage, ToolQuery, ToolView, UpdateTool } from './tools.dto.js';
import { findPins, type PinningPolicies } from './tools.store.js';

type Server = Readonly<{
  organizationId: string;
  id: string;
  version: number;
  state: ServerState;
  policies: readonly PinningPolicies[];
}>;

const acceptedOf = ({ accepted }: ServerState, name: string) =>
  Object.hasOwn(accepted, name) ? accepted[name] : undefined;

const viewsOf = async (
  tx: Tx,
  { organizationId, id, version, state, policies }: Server,
  tools: readonly DiscoveredTool[],
): Promise<readonly ToolView[]> => {
  const pinnings = tools.map((tool) => ({
    tool,
    changes: changesOf(tool, policies, acceptedOf(state, tool.name)),
    pinnedHash: pinOf(tool, policies, acceptedOf(state, tool.name)),
  }));
  const hashes = pinnings.flatMap(({ changes }) => changes.map(({ pinnedHash }) => pinnedHash));
  const before = hashes.length === 0 ? new Map() : await findDefinitions(tx, organizationId, { serverId: id, hashes });
  return pinnings.map(({ tool, changes, pinnedHash }) =>
    toolView(tool, { version, changes, pinnedHash, before, disabled: state.disabledTools.includes(tool.name) }),
  );
};

const viewOf = async (tx: Tx, server: Server, tool: string): Promise<ToolView> => {
  const [view] = await viewsOf(
    tx,
    server,
    server.state.tools.filter(({ name }) => name === tool),
  );
  if (!view) throw notFound('tool');
  return view;
};

/** The tools of servers: what they are now, what policies pinned, and the acceptance of what changed. */
@Injectable()
export class ToolsService {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** The tools of a server by name: those of its newest discovery, and what was seen of them since. */
  list({ organizationId }: Principal, id: string, query: ToolQuery): Promise<ToolPage> {
    const { after, rows, limit } = pageStart(query);
    const descending = query.sort === '-name';
    const q = query.q?.normalize('NFC').toLowerCase() ?? '';
    const isWanted = ({ name, definition: { title } }: DiscoveredTool): boolean =>
      (after === '' || (descending ? name < after : name > after)) &&
      [name, title].some((text) => typeof text === 'string' && text.toLowerCase().includes(q));
    return this.#store.read(organizationId, async (tx) => {
      const server = await this.#load(tx, organizationId, id);
      const ascending = server.state.tools
        .filter(isWanted)
        .toSorted((left, right) => (left.name < right.name ? -1 : 1));
      const page = (descending ? ascending.toReversed() : ascending).slice(0, rows);
      return toPage(await viewsOf(tx, server, page), limit, { keyOf: ({ name }) => name, view: (view) => view });
    });
  }

  /**
   * Accepts the definition that a tool has now, for every policy of its server. Records nothing when no policy refuses
   * it.
   * @throws Problem not_found, conflict when the tool has another definition than the one that the request names
   */
  async accept(principal: Principal, id: string, tool: string, { definitionHash }: AcceptTool): Promise<ToolView> {
    const { organizationId } = principal;
    return this.#store.change(principal, async (change) => {
      const policies = await findPins(change.tx, organizationId, id);
      await change.apply(serverStream, id, (current) => {
        const server = existingServer(current);
        const known = server.tools.find(({ name }) => name === tool);
        const pinned =
          known && (pinOf(known, policies, acceptedOf(server, tool)) ?? acceptedOf(server, tool)?.definitionHash);
        return decideToolAcceptance(id, server, { tool, definitionHash, pinned: pinned ?? null });
      });
      return viewOf(change.tx, await this.#load(change.tx, organizationId, id), tool);
    });
  }

  /**
   * Disables or enables one tool of a server.
   * @throws Problem `not_found`, also for a tool that was not discovered; precondition_failed
   */
  async update(
    principal: Principal,
    { id, tool, ifMatch }: Readonly<{ id: string; tool: string; ifMatch: string | undefined }>,
    { disabled }: UpdateTool,
  ): Promise<ToolView> {
    return this.#store.change(principal, async (change) => {
      await requireVersion(change, serverStream, { id, ifMatch });
      await change.apply(serverStream, id, (current) => decideToolSwitch(id, current, { tool, disabled }));
      return viewOf(change.tx, await this.#load(change.tx, principal.organizationId, id), tool);
    });
  }

  async #load(tx: Tx, organizationId: string, id: string): Promise<Server> {
    const loaded = await serverStream.load(tx, organizationId, id);
    const state = existingServer(loaded?.state);
    return {
      organizationId,
      id,
      version: loaded?.version ?? 0,
      state,
      policies: await findPins(tx, organizationId, id),
    };
  }
}
