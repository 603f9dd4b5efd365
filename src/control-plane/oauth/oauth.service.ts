import { Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Context, Provider, RequestLike } from 'oidc-provider/lib/provider.js';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import { Database } from '../../platform/postgres/database.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { readBytes } from '../../platform/rest/json-body.js';
import { OUTBOUND, PUBLIC_URL } from '../../platform/runtime/parts.js';
import { networkOf } from '../accounts/login-limits.js';
import { readForeignJson } from '../../platform/json/foreign-json.js';
import { isObject } from '../../platform/json/json-object.js';
import { fetchClientDocument } from './client-document.js';
import { makeIssuer } from './issuer.js';
import { findMember } from './member.js';
import { OauthPages } from './oauth-pages.service.js';
import { RecordsStore } from './records.store.js';
import { acceptedMetadata, registrationFault } from './registration.js';
import { authorizationQuery, requestFor, tokenForm, type Rewritten } from './requests.js';
import { loadSigningKeys } from './signing-keys.js';
import { SignInsService } from './sign-ins.service.js';

/** How many clients an address may register in an hour. */
export const REGISTRATIONS_AN_HOUR = 20;
const MAX_BODY_BYTES = 48 * 1024;
const KEYS_MAX_AGE_MS = 5 * 60_000;

type Issuer = Readonly<{ provider: Provider; madeAt: number; handle: ReturnType<Provider['callback']> }>;

/**
 * The authorization server of the gateway's URLs: what clients ask of it goes through here to oidc-provider, and what
 * members are asked goes to pages of ours.
 */
@Injectable()
export class OauthService {
  @Inject(OUTBOUND) private readonly outbound!: Outbound;
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  readonly pages: OauthPages;
  readonly records: RecordsStore;
  readonly #db: Database;
  readonly #vault: Vault;
  readonly #signIns: SignInsService;
  readonly #networks = new WeakMap<object, string>();
  readonly #signedIn = new WeakSet<object>();
  readonly #turns = new FairTurns({ slots: 8, slotsPerKey: 4, waiting: 400, waitingPerKey: 40, waitMs: 10_000 });
  #issuer: Promise<Issuer> | undefined;

  constructor(db: Database, vault: Vault, signIns: SignInsService, pages: OauthPages) {
    this.#db = db;
    this.#vault = vault;
    this.#signIns = signIns;
    this.pages = pages;
    this.records = new RecordsStore(db, vault);
  }

  /** The address that the issuer is known by. */
  url(): string {
    return this.publicUrl().replace(/\/+$/, '');
  }

  /** The authorization server, with the keys as they are now. */
  async provider(): Promise<Provider> {
    return (await this.#current()).provider;
  }

  /** What the library reads of a request of a page. */
  libraryRequest(request: Request, rewritten: Rewritten): RequestLike {
    return requestFor(request, this.url(), rewritten);
  }

  /** The first and the last step of an authorization; between them are pages of ours. */
  async authorize(request: Request, response: Response): Promise<void> {
    const [path = '', query = ''] = splitUrl(request.originalUrl);
    const isFirst = path === '/oauth/authorize';
    const url = isFirst ? `${path}?${authorizationQuery(this.url(), query)}` : path;
    const member = await findMember(this.#db, request, request.ip ?? '');
    const clientId = new URLSearchParams(query).get('client_id') ?? '';
    // What a client's document says is asked of a stranger's host: for members, not for anybody who names it.
    if (isFirst && !member && clientId.startsWith('https://'))
      return this.pages.signIn(request, response, { next: `${path}?${query}` });
    await this.#pass(request, response, { method: 'GET', url }, member !== undefined);
  }

  /** A request of a client itself: tokens, revocation. */
  async form(request: Request, response: Response): Promise<void> {
    const sent = (await readBytes(request, MAX_BODY_BYTES)).toString('utf8');
    const [url = ''] = splitUrl(request.originalUrl);
    const isForm = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '');
    if (!isForm) return oauthError(response, 400, 'invalid_request', 'send application/x-www-form-urlencoded');
    await this.#pass(request, response, {
      method: 'POST',
      url,
      body: Buffer.from(url === '/oauth/token' ? tokenForm(this.url(), sent) : sent),
      contentType: 'application/x-www-form-urlencoded',
    });
  }

  /** The published keys. */
  async jwks(request: Request, response: Response): Promise<void> {
    await this.#pass(request, response, { method: 'GET', url: '/oauth/jwks' });
  }

  /** A registration (RFC 7591): clients register what they know of other servers, and get what this one has. */
  async register(request: Request, response: Response): Promise<void> {
    const body = await readBytes(request, MAX_BODY_BYTES);
    const read = readForeignJson(body.toString('utf8'));
    const sent = read.ok && isObject(read.value) ? read.value : undefined;
    const fault = registrationFault(sent);
    if (!sent || fault !== undefined)
      return oauthError(response, 400, 'invalid_client_metadata', fault ?? 'send one JSON object');
    const network = networkOf(request.ip ?? '');
    if ((await this.records.countOfHour('Client', network)) >= REGISTRATIONS_AN_HOUR) {
      response.setHeader('retry-after', '3600');
      const detail = `an address may register ${REGISTRATIONS_AN_HOUR} clients an hour`;
      return oauthError(response, 429, 'too_many_requests', detail);
    }
    await this.#pass(request, response, {
      method: 'POST',
      url: '/oauth/register',
      body: Buffer.from(JSON.stringify(acceptedMetadata(sent))),
      contentType: 'application/json',
    });
  }

  async #pass(request: Request, response: Response, rewritten: Rewritten, isSignedIn = false): Promise<void> {
    const { handle } = await this.#current();
    const network = networkOf(request.ip ?? '');
    const passed = this.libraryRequest(request, rewritten);
    this.#networks.set(passed, network);
    if (isSignedIn) this.#signedIn.add(passed);
    await this.#turns.run(network, () => handle(passed, response));
  }

  /** Made anew now and then, as another node may have made a new key. */
  async #current(): Promise<Issuer> {
    const known = await this.#issuer;
    if (known && performance.now() - known.madeAt < KEYS_MAX_AGE_MS) return known;
    const making = this.#make();
    this.#issuer = making;
    // A failure is not kept: the next request tries again.
    making.catch(() => (this.#issuer = known ? Promise.resolve(known) : undefined));
    return making;
  }

  async #make(): Promise<Issuer> {
    const provider = makeIssuer({
      url: this.url(),
      db: this.#db,
      records: this.records,
      signIns: this.#signIns,
      keys: await loadSigningKeys(this.#db, this.#vault),
      cookieKey: this.#vault.purposeKey('oauth-cookies').toString('base64url'),
      mcpUrlOf: (serverId) => `${this.url()}/mcp/${serverId}`,
      networkOf: (request) => this.#networks.get(request),
      isSignedIn: (request) => this.#signedIn.has(request),
      fetchDocument: (url) => fetchClientDocument(this.outbound, url),
      showError: (context, error) => this.#showError(context, error),
    });
    return { provider, madeAt: performance.now(), handle: provider.callback() };
  }

  #showError(context: Context, { error = 'server_error', error_description: detail }: ErrorOut): void {
    context.respond = false;
    this.pages.refused(context.req, context.res, { error, advice: adviceOf(error, detail) });
  }
}

type ErrorOut = Readonly<Record<string, string | undefined>>;

const splitUrl = (url: string): readonly string[] => {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
};

/** An answer to a client that the library did not write (RFC 6749, 5.2; RFC 7591, 3.2.2). */
const oauthError = (response: Response, status: number, error: string, description: string): void => {
  response.status(status).set('cache-control', 'no-store').json({ error, error_description: description });
};

const ADVICE: Readonly<Record<string, string>> = {
  invalid_client: 'This client is not known here any more. Remove the server from the client, and add it again.',
  invalid_redirect_uri: 'The client asks to be answered at an address that it did not register.',
  invalid_target: 'The client did not say which server it wants. Give it the whole URL of the server, up to its id.',
  server_error: 'Something went wrong on our side. Try again in a moment.',
};

const adviceOf = (error: string, detail: string | undefined): string =>
  ADVICE[error] ?? `The request of the client can not be granted: ${detail ?? error}.`;
