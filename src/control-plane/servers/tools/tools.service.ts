import { Injectable } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import type { Tx } from '../../../platform/postgres/database.js';
import { notFound } from '../../../platform/runtime/problems.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { requireVersion } from '../../../record/event-store/require-version.js';
import { pageStart, toPage } from '../../../platform/rest/page.js';
import { recommendedServerPolicy, type Posture } from '../../../policy-engine/classify/recommend.js';
import { explanationOf } from '../../../policy-engine/classify/explain.js';
import { decideToolCategory, decideToolSwitch, existingServer, type Overruling, type ServerState } from '../servers.js';
import { findDefinitions, serverStream } from '../servers.store.js';
import { decideToolAcceptance } from '../tool-definitions.js';
import { changesOf, pinOf } from './tool-changes.js';
import { recommendablesOf, risksOf } from './tool-risk.js';
import { toolView, type ToolContext } from './tool-view.js';
import type { AcceptTool, RecommendedPolicyView, ToolPage, ToolQuery, ToolView, UpdateTool } from './tools.dto.js';
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

/** A tool with all that its view says but what it can do, which is found out after the transaction. */
type Part = Readonly<{ tool: DiscoveredTool; context: Omit<ToolContext, 'risk'> }>;

const partsOf = async (
  tx: Tx,
  { organizationId, id, version, state, policies }: Server,
  tools: readonly DiscoveredTool[],
): Promise<readonly Part[]> => {
  const pinnings = tools.map((tool) => ({
    tool,
    changes: changesOf(tool, policies, acceptedOf(state, tool.name)),
    pinnedHash: pinOf(tool, policies, acceptedOf(state, tool.name)),
  }));
  const hashes = pinnings.flatMap(({ changes }) => changes.map(({ pinnedHash }) => pinnedHash));
  const before = hashes.length === 0 ? new Map() : await findDefinitions(tx, organizationId, { serverId: id, hashes });
  return pinnings.map(({ tool, changes, pinnedHash }) => ({
    tool,
    context: { version, changes, pinnedHash, before, disabled: state.disabledTools.includes(tool.name) },
  }));
};

type Known = Readonly<{ server: Server; parts: readonly Part[] }>;

const viewsOf = async ({ server: { organizationId, state }, parts }: Known): Promise<readonly ToolView[]> => {
  const risks = await risksOf(organizationId, state);
  return parts.flatMap(({ tool, context }) => {
    const risk = risks.get(tool.name);
    return risk ? [toolView(tool, { ...context, risk })] : [];
  });
};

const partOf = async (tx: Tx, server: Server, tool: string): Promise<Known> => {
  const tools = server.state.tools.filter(({ name }) => name === tool);
  if (tools.length === 0) throw notFound('tool');
  return { server, parts: await partsOf(tx, server, tools) };
};

const viewOf = async (known: Known): Promise<ToolView> => {
  const [view] = await viewsOf(known);
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
  async list({ organizationId }: Principal, id: string, query: ToolQuery): Promise<ToolPage> {
    const { after, rows, limit } = pageStart(query);
    const descending = query.sort === '-name';
    const q = query.q?.normalize('NFC').toLowerCase() ?? '';
    const isWanted = ({ name, definition: { title } }: DiscoveredTool): boolean =>
      (after === '' || (descending ? name < after : name > after)) &&
      [name, title].some((text) => typeof text === 'string' && text.toLowerCase().includes(q));
    const known = await this.#store.read(organizationId, async (tx) => {
      const server = await this.#load(tx, organizationId, id);
      const ascending = server.state.tools
        .filter(isWanted)
        .toSorted((left, right) => (left.name < right.name ? -1 : 1));
      const page = (descending ? ascending.toReversed() : ascending).slice(0, rows);
      return { server, parts: await partsOf(tx, server, page) };
    });
    return toPage(await viewsOf(known), limit, { keyOf: ({ name }) => name, view: (view) => view });
  }

  /**
   * Accepts the definition that a tool has now, for every policy of its server. Records nothing when no policy refuses
   * it.
   * @throws Problem not_found, conflict when the tool has another definition than the one that the request names
   */
  async accept(principal: Principal, id: string, tool: string, { definitionHash }: AcceptTool): Promise<ToolView> {
    const { organizationId } = principal;
    const known = await this.#store.change(principal, async (change) => {
      const policies = await findPins(change.tx, organizationId, id);
      await change.apply(serverStream, id, (current) => {
        const server = existingServer(current);
        const known = server.tools.find(({ name }) => name === tool);
        const pinned =
          known && (pinOf(known, policies, acceptedOf(server, tool)) ?? acceptedOf(server, tool)?.definitionHash);
        return decideToolAcceptance(id, server, { tool, definitionHash, pinned: pinned ?? null });
      });
      return partOf(change.tx, await this.#load(change.tx, organizationId, id), tool);
    });
    return viewOf(known);
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
    const known = await this.#store.change(principal, async (change) => {
      await requireVersion(change, serverStream, { id, ifMatch });
      await change.apply(serverStream, id, (current) => decideToolSwitch(id, current, { tool, disabled }));
      return partOf(change.tx, await this.#load(change.tx, principal.organizationId, id), tool);
    });
    return viewOf(known);
  }

  /**
   * Says what a tool can do, against what was found; without a category, takes that back.
   * @throws Problem not_found, also for a tool that was not discovered; precondition_failed
   */
  async overrule(
    principal: Principal,
    { id, tool, ifMatch }: Readonly<{ id: string; tool: string; ifMatch?: string | undefined }>,
    overruling: Overruling | undefined,
  ): Promise<ToolView> {
    const known = await this.#store.change(principal, async (change) => {
      await requireVersion(change, serverStream, { id, ifMatch });
      await change.apply(serverStream, id, (current) => decideToolCategory(id, current, { tool, overruling }));
      return partOf(change.tx, await this.#load(change.tx, principal.organizationId, id), tool);
    });
    return viewOf(known);
  }

  /** The policy that is recommended for all tools of a server; it is not stored. @throws Problem not_found */
  async recommend({ organizationId }: Principal, id: string, posture: Posture): Promise<RecommendedPolicyView> {
    const state = existingServer(
      (await this.#store.read(organizationId, (tx) => serverStream.load(tx, organizationId, id)))?.state,
    );
    const tools = await recommendablesOf(organizationId, state);
    return { document: recommendedServerPolicy(tools, posture), explanation: explanationOf(tools, posture) };
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
