import { isDeepStrictEqual } from 'node:util';
import type { CreateOnce } from '../event-log/create-once.js';
import type { EventStore } from '../event-log/event-store.js';
import type { Principal } from '../rest/allowed.js';
import { isId, newId } from '../platform/ids.js';
import type { Outbound } from '../platform/outbound.js';
import { pageStart, toPage, type Page, type PageQuery } from '../rest/page.js';
import { notFound, Problem } from '../platform/problems.js';
import type { Vault } from '../platform/vault.js';
import { guardTransport, reach, sameOrigin } from './reach.js';
import type { RevokeGrants } from './revoke-grants.js';
import { readServerInput, type SentServer, type ServerInput } from './server-input.js';
import { loadHeaders, removeHeaders, saveHeaders } from './server-secrets.js';
import { serverView, toolView, type ServerView, type ToolView } from './server-views.js';
import { changeServer, deleteServer, present, recordDiscovery, registerServer, switchTool, type ServerState } from './servers.js';
import { findServer, listServers, serverStream, summaryOf } from './servers.store.js';
import type { SecretHeaders } from './upstream-headers.js';

export type ServersParts = Readonly<{ store: EventStore; once: CreateOnce; vault: Vault; outbound: Outbound; revokeGrants: RevokeGrants; publicUrl: () => string }>;

type Known = Readonly<{ state: ServerState; headers: SecretHeaders }>;

/** The MCP servers of an organization: registered, discovered, changed, deleted. */
export class Servers {
  readonly #parts: ServersParts;
  readonly #discovering = new Map<string, Promise<ServerView>>();

  constructor(parts: ServersParts) {
    this.#parts = parts;
  }

  /** Registers a server, reachable or not, with what its discovery found. The network is not waited for within a transaction. */
  register(principal: Principal, sent: SentServer): Promise<ServerView> {
    const { name, transport: wanted, auth = { type: 'none' }, headers = {}, clientAuth = 'token' } = readServerInput(sent);
    const { once, outbound, vault } = this.#parts;
    if (name === undefined || wanted === undefined) throw new Error('a registration without a name or a transport');
    return once.run(principal, {
      prepare: async () => {
        const transport = await guardTransport(outbound, wanted);
        return { transport, found: await reach(outbound, transport, headers) };
      },
      create: async (change, { transport, found }) => {
        const id = newId('srv');
        const state = await change.apply(serverStream, id, () => registerServer(id, { name, transport, auth, clientAuth }, found));
        await saveHeaders({ tx: change.tx, vault, organizationId: principal.organizationId, serverId: id }, headers);
        return this.#view(id, state);
      },
    });
  }

  async list({ organizationId }: Principal, query: PageQuery): Promise<Page<ServerView>> {
    const { after, rows, limit } = pageStart(query);
    const found = await this.#parts.store.look(organizationId, (tx) => listServers(tx, organizationId, { after, rows }));
    return toPage(found, limit, { keyOf: (server) => server.id, view: (server) => serverView(server, this.#parts.publicUrl()) });
  }

  async get({ organizationId }: Principal, id: string): Promise<ServerView> {
    const found = isId('srv', id) ? await this.#parts.store.look(organizationId, (tx) => findServer(tx, organizationId, id)) : undefined;
    if (!found) throw notFound('server');
    return serverView(found, this.#parts.publicUrl());
  }

  /** The tools of the newest discovery that succeeded, by name. */
  async tools({ organizationId }: Principal, id: string, query: PageQuery): Promise<Page<ToolView>> {
    const { after, rows, limit } = pageStart(query);
    const { state } = await this.#known(organizationId, id);
    const sorted = state.tools.filter(({ name }) => name > after).sort((left, right) => (left.name < right.name ? -1 : 1));
    return toPage(sorted.slice(0, rows), limit, { keyOf: ({ name }) => name, view: (tool) => toolView(tool, state.disabledTools) });
  }

  /** Changes a server. One that is to be reached another way is discovered that way first. */
  async change(principal: Principal, id: string, sent: SentServer): Promise<ServerView> {
    const { headers, ...patch } = readServerInput(sent);
    const { store, vault, outbound } = this.#parts;
    const known = await this.#known(principal.organizationId, id);
    const transport = patch.transport && (await guardTransport(outbound, patch.transport));
    mayKeepHeaders(known.state, { ...patch, transport });
    const elsewhere = patch.auth !== undefined || (transport !== undefined && !isDeepStrictEqual(transport, known.state.transport));
    const found = elsewhere ? await reach(outbound, transport ?? known.state.transport, headers ?? known.headers) : undefined;
    return store.change(principal, async (change) => {
      const state = await change.apply(serverStream, id, changeServer(id, { ...patch, transport }, found, known.state));
      if (headers) await saveHeaders({ tx: change.tx, vault, organizationId: principal.organizationId, serverId: id }, headers);
      return this.#view(id, state);
    });
  }

  /** Disables or enables one tool of a server. @throws Problem `not_found`, also for a tool that was not discovered */
  async changeTool(principal: Principal, id: string, name: string, disabled: boolean | undefined): Promise<ToolView> {
    if (!isId('srv', id)) throw notFound('server');
    const { tools, disabledTools } = await this.#parts.store.change(principal, (change) => change.apply(serverStream, id, switchTool(id, name, disabled)));
    const tool = tools.find((one) => one.name === name);
    if (!tool) throw notFound('tool');
    return toolView(tool, disabledTools);
  }

  /** Deletes a server for good, with its credentials and its grants. */
  async delete(principal: Principal, id: string): Promise<void> {
    if (!isId('srv', id)) throw notFound('server');
    await this.#parts.store.change(principal, async (change) => {
      await change.apply(serverStream, id, deleteServer(id));
      await this.#parts.revokeGrants(change, { serverId: id }, 'server_deleted');
      await removeHeaders({ tx: change.tx, organizationId: principal.organizationId, serverId: id });
    });
  }

  /** Discovers anew. Requests that come while one runs get its answer. */
  discover(principal: Principal, id: string): Promise<ServerView> {
    const key = `${principal.organizationId}|${id}`;
    const running = this.#discovering.get(key);
    if (running) return running;
    const started = this.#discoverNow(principal, id).finally(() => this.#discovering.delete(key));
    this.#discovering.set(key, started);
    return started;
  }

  async #discoverNow(principal: Principal, id: string): Promise<ServerView> {
    const { state: asked, headers } = await this.#known(principal.organizationId, id);
    const found = await reach(this.#parts.outbound, asked.transport, headers);
    return this.#parts.store.change(principal, async (change) => this.#view(id, await change.apply(serverStream, id, recordDiscovery(id, asked, found))));
  }

  #known(organizationId: string, id: string): Promise<Known> {
    if (!isId('srv', id)) return Promise.reject(notFound('server'));
    return this.#parts.store.look(organizationId, async (tx) => ({
      state: present((await serverStream.load(tx, organizationId, id))?.state),
      headers: await loadHeaders({ tx, vault: this.#parts.vault, organizationId, serverId: id }),
    }));
  }

  #view(id: string, state: ServerState): ServerView {
    return serverView(summaryOf(id, state), this.#parts.publicUrl());
  }
}

/** Kept credentials were given for one host: sending them to another wants them to be given again. */
const mayKeepHeaders = (state: ServerState, { transport, auth }: Pick<ServerInput, 'transport' | 'auth'>): void => {
  if (state.auth.type !== 'headers' || auth !== undefined || transport === undefined || sameOrigin(state.transport, transport)) return;
  const message = 'give auth again: the headers kept for this server are not sent to another scheme, host or port';
  throw new Problem('invalid_body', 'Send auth together with a URL of another origin.', { errors: [{ pointer: '/auth', code: 'required', message }] });
};
