import { Provider, type Adapter, type Payload } from 'oidc-provider/lib/provider.js';
import { InvalidGrant } from 'oidc-provider/lib/helpers/errors.js';
import { tokenGrantId } from '../../platform/crypto/tokens.js';
import type { Database } from '../../platform/postgres/database.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { KeptRecord, RecordsStore } from './records.store.js';
import type { SignInsService } from './sign-ins.service.js';
import { findSignIn, findSignInOfToken, type SignInRow } from './sign-ins.store.js';

export type AdapterDeps = Readonly<{
  db: Database;
  records: RecordsStore;
  signIns: SignInsService;
  mcpUrlOf: (serverId: string) => string;
  /** Whose request this is, for the count of registrations. */
  networkOf: (request: object) => string | undefined;
}>;

/** A refresh token that is sent again within so long gets a sibling: the answer may have been lost. */
const SIBLING_MS = 60_000;
const UNUSED_CLIENT_SECONDS = 86_400;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const seconds = (time: Date): number => Math.floor(time.getTime() / 1000);

/**
 * A record as the library reads it. A code that was used counts as such at once; a refresh token a minute later.
 */
const payloadOf = (kind: string, { payload, consumedAt }: KeptRecord, id: string | undefined): Payload => {
  const grace = kind === 'RefreshToken' ? SIBLING_MS : 0;
  const isUsed = consumedAt !== null && Date.now() - consumedAt.getTime() >= grace;
  return { ...payload, ...(id === undefined ? {} : { jti: id }), ...(isUsed ? { consumed: seconds(consumedAt) } : {}) };
};

/** Codes, refresh tokens, clients and running authorizations, in `oauth_records`. */
class RecordsAdapter implements Adapter {
  readonly #kind: string;
  readonly #deps: AdapterDeps;

  constructor(kind: string, deps: AdapterDeps) {
    this.#kind = kind;
    this.#deps = deps;
  }

  async upsert(id: string, { jti: _secret, ...payload }: Payload, expiresIn?: number): Promise<void> {
    const isClient = this.#kind === 'Client';
    const request = Provider.ctx?.req;
    await this.#deps.records.put({
      kind: this.#kind,
      id,
      payload,
      uid: text(payload['uid']),
      grantId: text(payload['grantId']),
      network: isClient && request ? this.#deps.networkOf(request) : undefined,
      ttl: isClient ? UNUSED_CLIENT_SECONDS : expiresIn,
    });
  }

  async find(id: string): Promise<Payload | undefined> {
    const record = await this.#deps.records.find(this.#kind, id);
    return record && payloadOf(this.#kind, record, this.#kind === 'Client' ? undefined : id);
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    const record = await this.#deps.records.findByUid(this.#kind, uid);
    return record && payloadOf(this.#kind, record, undefined);
  }

  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A code is used once, whoever is first: of two at a time one is refused. */
  async consume(id: string): Promise<void> {
    const isFirst = await this.#deps.records.consume(this.#kind, id);
    if (!isFirst && this.#kind === 'AuthorizationCode') throw new InvalidGrant('authorization code already consumed');
  }

  destroy(id: string): Promise<void> {
    return this.#deps.records.delete(this.#kind, id);
  }

  revokeByGrantId(grantId: string): Promise<void> {
    return this.#deps.records.deleteOfGrant(this.#kind, grantId);
  }
}

/** What the library asks of tokens and of what a member allowed: both are a grant. */
abstract class GrantAdapter implements Adapter {
  constructor(protected readonly deps: AdapterDeps) {}

  abstract upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>;
  abstract find(id: string): Promise<Payload | undefined>;

  findByUid(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  consume(): Promise<void> {
    return Promise.reject(new Error('a grant is not consumed'));
  }

  async destroy(id: string): Promise<void> {
    await this.revokeByGrantId(tokenGrantId(id) ?? id);
  }

  /** Only who sends a token back ends a sign-in on purpose; everything else that ends it is a token used twice. */
  async revokeByGrantId(grantId: string): Promise<void> {
    const isSignOut = Provider.ctx?.oidc?.route === 'revocation';
    await this.deps.signIns.end(grantId, isSignOut ? 'signed_out' : 'token_reused');
  }

  protected shared({ id, clientId, memberId, serverId }: SignInRow): Payload {
    return { grantId: id, clientId, accountId: memberId, aud: this.deps.mcpUrlOf(serverId), scope: 'mcp' };
  }
}

/** Access tokens are rows of `grant_tokens`, where the gateway finds them as it does grant tokens. */
class AccessTokenAdapter extends GrantAdapter {
  async upsert(id: string, { grantId }: Payload, ttl = 0): Promise<void> {
    try {
      await this.deps.signIns.renew(String(grantId), { token: id, ttl });
    } catch (error) {
      if (error instanceof Problem) throw new InvalidGrant(error.detail);
      throw error;
    }
  }

  async find(id: string): Promise<Payload | undefined> {
    const grantId = tokenGrantId(id);
    const found = grantId && (await findSignInOfToken(this.deps.db.signIn, grantId, id));
    if (!found) return undefined;
    const times = { iat: seconds(found.createdAt), exp: seconds(found.tokenExpiresAt) };
    return { ...this.shared(found), ...times, jti: id, kind: 'AccessToken', gty: 'authorization_code' };
  }
}

/** What a member allowed a client. */
class AllowedAdapter extends GrantAdapter {
  /** The grant is made before the library hears of it. */
  upsert(): Promise<void> {
    return Promise.resolve();
  }

  async find(id: string): Promise<Payload | undefined> {
    const found = await findSignIn(this.deps.db.signIn, id);
    if (!found) return undefined;
    const { clientId, accountId, aud } = this.shared(found);
    const times = { iat: seconds(found.createdAt), exp: seconds(found.expiresAt) };
    return { clientId, accountId, ...times, jti: id, kind: 'Grant', resources: { [String(aud)]: 'mcp' } };
  }
}

/** Where the library keeps each kind of thing. */
export const makeAdapter =
  (deps: AdapterDeps) =>
  (kind: string): Adapter => {
    if (kind === 'AccessToken') return new AccessTokenAdapter(deps);
    return kind === 'Grant' ? new AllowedAdapter(deps) : new RecordsAdapter(kind, deps);
  };
