import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Vault } from '../../../platform/crypto/vault.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { Database } from '../../../platform/postgres/database.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { OUTBOUND, PUBLIC_URL } from '../../../platform/runtime/parts.js';
import { Problem } from '../../../platform/runtime/problems.js';
import { EventStore } from '../../../record/event-store/event-store.js';
import { authorityOf } from '../../accounts/authority.js';
import { loadConnection, type Connection, type ConnectionSecrets } from '../../servers/connections.store.js';
import { loadSecrets } from '../../servers/server-secrets.js';
import { existingServer, type ServerState } from '../../servers/servers.js';
import { ServersService } from '../../servers/servers.service.js';
import { serverStream } from '../../servers/servers.store.js';
import { openUrl } from '../../../platform/crypto/hidden-parts.js';
import { isSameText } from '../forms.js';
import { findMember } from '../member.js';
import { OauthPages } from '../oauth-pages.service.js';
import { RecordsStore } from '../records.store.js';
import type { ConnectionList, ConnectView } from './connect.dto.js';
import { discoverAuthorization, type UpstreamAuthorization } from './discover-authorization.js';
import { keepTokens } from './keep-tokens.js';
import { registerAt } from './register-at.js';
import { askTokens } from './tokens.js';

const KIND = 'Connect';
const STATE_SECONDS = 600;
const CALLBACK = '/oauth/callback';

/** A sign-in to an upstream that an admin began. */
type Begun = Readonly<{
  organizationId: string;
  serverId: string;
  memberId: string | null;
  verifier: string;
  scopes: readonly string[];
  secrets: ConnectionSecrets;
  namesIssuer: boolean;
}>;

type Known = Readonly<{ state: ServerState; url: URL; connection: Connection | undefined }>;

/** Signs Toolgate in to servers that demand OAuth. */
@Injectable()
export class ConnectService {
  @Inject(OUTBOUND) private readonly outbound!: Outbound;
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  @Inject(ServersService) private readonly servers!: ServersService;
  @Inject(OauthPages) private readonly pages!: OauthPages;
  readonly #store: EventStore;
  readonly #db: Database;
  readonly #vault: Vault;
  readonly #records: RecordsStore;

  constructor(store: EventStore, db: Database, vault: Vault) {
    this.#store = store;
    this.#db = db;
    this.#vault = vault;
    this.#records = new RecordsStore(db, vault);
  }

  /** @throws Problem not_found, conflict for a server that is not signed in to by OAuth, unsupported */
  async begin(principal: Principal, serverId: string): Promise<ConnectView> {
    const { organizationId, actor } = principal;
    const known = await this.#known(organizationId, serverId);
    const { auth } = known.state;
    if (auth.type !== 'oauth') throw new Problem('conflict', 'Give the server auth {"type": "oauth"} first.');
    const found = await discoverAuthorization(this.outbound, known.url, auth.issuer);
    const scopes = auth.scopes ?? found.scopes;
    const secrets = await this.#clientAt(known, found, scopes);
    const [state, verifier] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
    const memberId = actor.type === 'member' ? actor.id : null;
    const { namesIssuer } = found;
    const begun: Begun = { organizationId, serverId, memberId, verifier, scopes, secrets, namesIssuer };
    // Asks for the caller's authority once more: the upstream may have taken its time.
    await this.#store.change(principal, () => Promise.resolve());
    await this.#records.put({ kind: KIND, id: state, payload: begun, ttl: STATE_SECONDS });
    return { authorizationUrl: this.#authorizationUrl(found, begun, state) };
  }

  /** @throws Problem not_found */
  async list({ organizationId }: Principal, serverId: string): Promise<ConnectionList> {
    const { state, connection } = await this.#known(organizationId, serverId);
    if (state.auth.type !== 'oauth') return { items: [] };
    const { status = 'needs_sign_in' } = state.auth;
    const { secrets, scopes = [], expiresAt } = connection ?? {};
    const account = status === 'connected' ? (secrets?.issuer ?? null) : null;
    return { items: [{ identityId: null, status, account, scopes, expiresAt: expiresAt?.toISOString() ?? null }] };
  }

  /** What an authorization server of an upstream sends an admin back with. */
  async callback(request: Request, response: Response): Promise<void> {
    const sent = new URLSearchParams(request.originalUrl.replace(/^[^?]*\??/, ''));
    const [state, code] = [sent.get('state') ?? '', sent.get('code') ?? ''];
    const theirs = await this.#begunBy(request, state);
    if (!theirs || !(await this.#useUp(state)))
      return this.#refuse(request, response, { error: 'access_denied', advice: NOT_THEIRS });
    const { begun, principal } = theirs;
    if (!isFromIssuer(begun, sent.get('iss')))
      return this.#refuse(request, response, { error: 'invalid_issuer', advice: MIXED_UP });
    if (code === '' || !(await this.#finish(principal, begun, code)))
      return this.#refuse(request, response, { error: sent.get('error') ?? 'no_tokens', advice: NOT_ALLOWED });
    this.pages.connected(request, response);
  }

  /** The sign-in of a state, where the admin who is signed in in this browser began it. */
  async #begunBy(
    request: Request,
    state: string,
  ): Promise<Readonly<{ begun: Begun; principal: Principal }> | undefined> {
    const record = await this.#records.find(KIND, state);
    const member = await findMember(this.#db, request, request.ip ?? '');
    if (!record || member?.role !== 'admin') return undefined;
    const begun = record.payload as Begun;
    if (member.organizationId !== begun.organizationId) return undefined;
    if (begun.memberId !== null && begun.memberId !== member.actor.id) return undefined;
    return { begun, principal: { ...member, authority: authorityOf(member, ['admin']) } };
  }

  /** A state is good once, whoever is first. */
  async #useUp(state: string): Promise<boolean> {
    const isFirst = await this.#records.consume(KIND, state);
    await this.#records.delete(KIND, state);
    return isFirst;
  }

  async #finish(principal: Principal, { serverId, secrets, scopes, verifier }: Begun, code: string): Promise<boolean> {
    const tokens = await askTokens(this.outbound, secrets, {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: this.#redirectUri(),
    });
    if (tokens === 'refused' || tokens === 'unavailable') return false;
    await this.#store.change(principal, (change) =>
      keepTokens(change, { vault: this.#vault, serverId, secrets, scopes }, tokens),
    );
    await this.servers.discover(principal, serverId);
    return true;
  }

  /** The client that Toolgate is at an authorization server: given by an admin, registered before, or now. */
  async #clientAt(
    { connection }: Known,
    { issuer, tokenEndpoint, resource, registrationEndpoint }: UpstreamAuthorization,
    scopes: readonly string[],
  ): Promise<ConnectionSecrets> {
    const kept = connection?.secrets ?? {};
    const at = { issuer, tokenEndpoint, ...(resource === undefined ? {} : { resource }) };
    const { clientId, clientSecret, isGiven } = kept;
    if (clientId !== undefined && (isGiven === true || kept.issuer === issuer))
      return { ...at, clientId, ...(clientSecret === undefined ? {} : { clientSecret }), ...(isGiven && { isGiven }) };
    if (registrationEndpoint === undefined)
      throw new Problem('unsupported', 'The authorization server registers nobody. Give auth.clientId of a client.');
    const redirectUri = this.#redirectUri();
    return { ...at, ...(await registerAt(this.outbound, registrationEndpoint, { redirectUri, scopes })) };
  }

  #authorizationUrl(
    { authorizationEndpoint }: UpstreamAuthorization,
    { verifier, scopes, secrets }: Begun,
    state: string,
  ): string {
    const checked = this.outbound.check(authorizationEndpoint);
    if (!checked.ok) throw new Problem('url_not_allowed', 'The authorization server may not be reached.');
    const { url } = checked;
    const params = {
      response_type: 'code',
      client_id: secrets.clientId ?? '',
      redirect_uri: this.#redirectUri(),
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...(secrets.resource === undefined ? {} : { resource: secrets.resource }),
    };
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    return url.href;
  }

  #redirectUri(): string {
    return `${this.publicUrl().replace(/\/+$/, '')}${CALLBACK}`;
  }

  #known(organizationId: string, serverId: string): Promise<Known> {
    const vault = this.#vault;
    return this.#store.read(organizationId, async (tx) => {
      const state = existingServer((await serverStream.load(tx, organizationId, serverId))?.state);
      const { transport } = state;
      if (transport.type === 'stdio') return { state, url: new URL('about:blank'), connection: undefined };
      const secrets = await loadSecrets({ tx, vault, organizationId, serverId });
      const connection = await loadConnection({ tx, vault, organizationId, serverId });
      return { state, url: openUrl(transport.url, secrets).url, connection };
    });
  }

  #refuse(request: Request, response: Response, { error, advice }: Readonly<{ error: string; advice: string }>): void {
    this.pages.refused(request, response, { error: error.slice(0, 100), advice });
  }
}

/** An answer of another authorization server than the one that was asked would bring its code there (RFC 9207). */
const isFromIssuer = ({ namesIssuer, secrets }: Begun, issuer: string | null): boolean =>
  issuer === null ? !namesIssuer : isSameText(issuer, secrets.issuer ?? '');

const MIXED_UP = 'The answer came from another authorization server than the one that was asked. Begin anew.';
const NOT_THEIRS =
  'This sign-in has expired, or was begun by somebody else. Sign in to Toolgate as an administrator, and begin anew.';
const NOT_ALLOWED = 'The server was not connected: its authorization server gave no tokens. Begin anew.';
