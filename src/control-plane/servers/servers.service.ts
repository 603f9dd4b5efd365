import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import type { UpstreamAuth } from '../../record/event-log/events/index.js';
import type { Principal } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import { openTransport, partsIn, showTransport, keepHiddenParts } from '../../platform/crypto/hidden-parts.js';
import { newId } from '../../platform/crypto/ids.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { requireMatch } from '../../platform/rest/versions.js';
import { requireVersion } from '../../record/event-store/require-version.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { Discovered } from '../../mcp/upstream/discover.js';
import { Vault } from '../../platform/crypto/vault.js';
import { PUBLIC_URL } from '../../platform/runtime/parts.js';
import { openSentTransport, sameOrigin, type DiscoveryTarget } from './discover-server.js';
import { removeConnection, saveConnection } from './connections.store.js';
import { decideDiscovery } from './discoveries.js';
import { DiscoveryService } from './discovery.service.js';
import { REVOKE_GRANTS, type RevokeGrants } from './revoke-grants.js';
import { readServerInput, refuseHeadersOverStdio, type ServerInput } from './server-input.js';
import { loadSecrets, loadSecretsOf, removeSecrets, saveSecrets } from './server-secrets.js';
import { serverView } from './server-view.js';
import type { CreateServer, ServerPage, ServerQuery, ServerView, UpdateServer } from './servers.dto.js';
import {
  decideServerChange,
  decideServerDeletion,
  existingServer,
  decideServerCreation,
  type ServerPatch,
  type ServerState,
} from './servers.js';
import { findServer, listServers, requirePolicyOf, serverStream, type ServerSummary } from './servers.store.js';
import type { SecretValues } from './upstream-headers.js';

type Known = Readonly<{ version: number; state: ServerState; secrets: SecretValues }>;

/** The MCP servers of an organization: registered, discovered, changed, deleted. */
@Injectable()
export class ServersService {
  @Inject(REVOKE_GRANTS) private readonly revokeGrants!: RevokeGrants;
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  readonly #store: EventStore;
  readonly #once: CreateOnce;
  readonly #vault: Vault;
  readonly #discovery: DiscoveryService;
  readonly #discovering = new Map<string, Promise<ServerView>>();

  constructor(store: EventStore, once: CreateOnce, vault: Vault, discovery: DiscoveryService) {
    this.#store = store;
    this.#once = once;
    this.#vault = vault;
    this.#discovery = discovery;
  }

  /**
   * Registers a server, reachable or not, with what its discovery found. The network is not waited for within a
   * transaction.
   */
  create(principal: Principal, sent: CreateServer): Promise<ServerView> {
    const {
      name,
      transport: wanted,
      auth = { type: 'none' },
      secrets = {},
      clientAuth = 'token',
      restartSessions = true,
      clientSecret,
    } = readServerInput(sent);
    if (name === undefined || wanted === undefined) throw new Error('a registration without a name or a transport');
    return this.#once.run(principal, {
      prepare: async () => {
        const id = newId('srv');
        const transport = await this.#discovery.guard(wanted);
        return { id, transport, found: await this.#discover(principal, { serverId: id, transport, secrets }) };
      },
      create: async (change, { id, transport, found }) => {
        await change.apply(serverStream, id, () =>
          decideServerCreation(id, undefined, {
            settings: { name, transport: showTransport(transport), auth, clientAuth, restartSessions },
            found,
          }),
        );
        const kept = keepHiddenParts(transport, secrets);
        await this.#saveClient(change, id, { auth, clientSecret });
        await saveSecrets(
          { tx: change.tx, vault: this.#vault, organizationId: principal.organizationId, serverId: id },
          kept,
        );
        return this.#openView(await this.#found(change.tx, principal, id), kept);
      },
    });
  }

  list(principal: Principal, query: ServerQuery): Promise<ServerPage> {
    const { organizationId } = principal;
    return this.#store.read(organizationId, async (tx) => {
      const rows = await listServers(tx, organizationId, query);
      const view = await this.#viewFor(principal, tx, rows);
      return toListPage(rows, query, { idOf: (server) => server.id, view });
    });
  }

  get(principal: Principal, id: string): Promise<ServerView> {
    const { organizationId } = principal;
    return this.#store.read(organizationId, async (tx) => {
      const found = await this.#found(tx, principal, id);
      return (await this.#viewFor(principal, tx, [found]))(found);
    });
  }

  /**
   * Changes a server. One that is to be reached another way is discovered that way first.
   * @throws Problem not_found (server, policy), policy_of_other_server, precondition_failed for another version than
   * `ifMatch` names
   */
  async update(principal: Principal, id: string, ifMatch: string | undefined, sent: UpdateServer): Promise<ServerView> {
    const { secrets: given, clientSecret, ...patch } = readServerInput(sent);
    const known = await this.#known(principal.organizationId, id);
    requireMatch(ifMatch, known.version);
    const transport =
      patch.transport &&
      (await this.#discovery.guard(
        openSentTransport(patch.transport, { transport: known.state.transport, secrets: known.secrets }),
      ));
    refuseHeadersOverStdio(transport ?? known.state.transport, patch);
    const secrets = secretsAfter(known, { ...patch, transport, secrets: given });
    const way: ServerPatch = { ...patch, transport: transport && showTransport(transport) };
    const elsewhere =
      patch.auth !== undefined ||
      secrets !== undefined ||
      (way.transport !== undefined && !isDeepStrictEqual(way.transport, known.state.transport));
    const found = elsewhere
      ? await this.#discover(principal, {
          serverId: id,
          transport: transport ?? known.state.transport,
          secrets: secrets ?? known.secrets,
        })
      : undefined;
    return this.#store.change(principal, async (change) => {
      await requirePolicyOf(change.tx, { organizationId: principal.organizationId, serverId: id, ...patch });
      // Values are in no event: that they are others is told by naming what they sign in with.
      const patched = secrets === undefined ? way : { ...way, auth: patch.auth ?? known.state.auth };
      await requireVersion(change, serverStream, { id, ifMatch });
      await change.apply(serverStream, id, (current) => [
        ...decideServerChange(id, current, patched),
        ...(found ? decideDiscovery(id, current, { asked: known.state, found }) : []),
      ]);
      if (patch.auth) await this.#saveClient(change, id, { auth: patch.auth, clientSecret });
      if (secrets)
        await saveSecrets(
          { tx: change.tx, vault: this.#vault, organizationId: principal.organizationId, serverId: id },
          secrets,
        );
      return this.#openView(await this.#found(change.tx, principal, id), secrets ?? known.secrets);
    });
  }

  /** Deletes a server for good, with its credentials and its grants. */
  async delete(principal: Principal, id: string): Promise<void> {
    await this.#store.change(principal, async (change) => {
      await change.apply(serverStream, id, (state) => decideServerDeletion(id, state));
      await this.revokeGrants(change, { serverId: id }, 'server_deleted');
      await removeSecrets({ tx: change.tx, organizationId: principal.organizationId, serverId: id });
      await removeConnection({ tx: change.tx, organizationId: principal.organizationId, serverId: id });
    });
  }

  /**
   * Discovers anew. Requests with the same credential that come while one runs get its answer: what is recorded rests
   * on that credential.
   */
  discover(principal: Principal, id: string): Promise<ServerView> {
    const key = `${principal.organizationId}|${principal.sessionId ?? principal.actor.id}|${id}`;
    const running = this.#discovering.get(key);
    if (running) return running;
    const started = this.#discoverNow(principal, id).finally(() => this.#discovering.delete(key));
    this.#discovering.set(key, started);
    return started;
  }

  async #discoverNow(principal: Principal, id: string): Promise<ServerView> {
    const { state: asked, secrets } = await this.#known(principal.organizationId, id);
    const { transport } = asked;
    const found = await this.#discover(principal, { serverId: id, transport, secrets, known: asked });
    return this.#store.change(principal, async (change) => {
      await change.apply(serverStream, id, (current) => decideDiscovery(id, current, { asked, found }));
      const server = await this.#found(change.tx, principal, id);
      return (await this.#viewFor(principal, change.tx, [server]))(server);
    });
  }

  #discover({ organizationId }: Principal, target: Omit<DiscoveryTarget, 'organizationId'>): Promise<Discovered> {
    return this.#discovery.discover({ organizationId, ...target });
  }

  /** Keeps the client that an admin gave for signing in by OAuth; with other auth nothing of a sign-in is left. */
  async #saveClient(
    { tx, caller: { organizationId } }: Change,
    serverId: string,
    { auth, clientSecret }: Readonly<{ auth: UpstreamAuth; clientSecret: string | undefined }>,
  ): Promise<void> {
    const where = { tx, vault: this.#vault, organizationId, serverId };
    if (auth.type !== 'oauth') return removeConnection(where);
    const given = auth.clientId === undefined ? {} : { clientId: auth.clientId, isGiven: true };
    const secrets = { ...given, ...(clientSecret === undefined ? {} : { clientSecret }) };
    await saveConnection(where, { secrets, scopes: auth.scopes ?? [], expiresAt: null, refreshAt: null });
  }

  async #found(tx: Tx, { organizationId }: Principal, id: string): Promise<ServerSummary> {
    const found = await findServer(tx, organizationId, id);
    if (!found) throw notFound('server');
    return found;
  }

  #known(organizationId: string, id: string): Promise<Known> {
    return this.#store.read(organizationId, async (tx) => {
      const loaded = await serverStream.load(tx, organizationId, id);
      return {
        version: loaded?.version ?? 0,
        state: existingServer(loaded?.state),
        secrets: await loadSecrets({ tx, vault: this.#vault, organizationId, serverId: id }),
      };
    });
  }

  /**
   * The view of servers for a reader: what may be a secret in a transport is shown to an admin alone, who may write it.
   */
  async #viewFor(
    { organizationId, role }: Principal,
    tx: Tx,
    servers: readonly ServerSummary[],
  ): Promise<(server: ServerSummary) => ServerView> {
    const publicUrl = this.publicUrl();
    if (role !== 'admin')
      return (server) => serverView({ ...server, transport: showTransport(server.transport) }, publicUrl);
    const secrets = await loadSecretsOf(
      { tx, vault: this.#vault, organizationId },
      servers.map(({ id }) => id),
    );
    return (server) => this.#openView(server, secrets.get(server.id) ?? {});
  }

  /** The view for who may change the server. */
  #openView(server: ServerSummary, secrets: SecretValues): ServerView {
    return serverView({ ...server, transport: openTransport(server.transport, secrets) }, this.publicUrl());
  }
}

/**
 * The secret values once a change is made; undefined: those that are kept. Kept credentials were given for one host:
 * sending them to another wants them to be given again, and a command's environment is no header. The query of a URL
 * goes with the URL.
 */
const secretsAfter = (
  { state, secrets: kept }: Known,
  { transport, auth, secrets: given }: Pick<ServerInput, 'transport' | 'auth' | 'secrets'>,
): SecretValues | undefined => {
  if (transport === undefined && state.transport.type === 'stdio') return undefined;
  const signIn = given ?? secretsFor(state, { transport, auth });
  const after =
    transport === undefined ? signIn && { ...partsIn(kept), ...signIn } : keepHiddenParts(transport, signIn ?? kept);
  return isDeepStrictEqual(after, kept) && signIn === undefined ? undefined : after;
};

/**
 * What signs in once a change that gave nothing is made; undefined: what is kept.
 */
const secretsFor = (
  state: ServerState,
  { transport, auth }: Pick<ServerInput, 'transport' | 'auth'>,
): SecretValues | undefined => {
  if (auth?.type === 'none') return {};
  if (transport === undefined || sameOrigin(state.transport, transport)) return undefined;
  if (state.auth.type === 'none' || state.transport.type === 'stdio') return {};
  const message = 'give auth again: the headers kept for this server are not sent to another scheme, host or port';
  throw new Problem('invalid_body', 'Send auth together with a URL of another origin.', {
    errors: [{ pointer: '/auth', code: 'required', message }],
  });
};
