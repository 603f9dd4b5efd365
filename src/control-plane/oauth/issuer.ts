import { Provider, type Client, type Context } from 'oidc-provider/lib/provider.js';
import { InvalidTarget } from 'oidc-provider/lib/helpers/errors.js';
import { guarded } from '../../platform/runtime/guard.js';
import { log } from '../../platform/runtime/log.js';
import { makeAdapter, type AdapterDeps } from './adapter.js';
import { CLIENT_AUTH_METHODS, ENDPOINTS, SCOPE, serverOfResource } from './metadata.js';
import { findSignInServer, hasSignIn, newAccessToken, SIGN_IN_SECONDS } from './sign-ins.store.js';
import type { SigningKey } from './signing-keys.js';

export const ACCESS_TOKEN_SECONDS = 3600;
const CODE_SECONDS = 60;
/** How long a member has to sign in and to answer. */
const INTERACTION_SECONDS = 600;
const SESSION_SECONDS = 600;
const MAX_DOCUMENT_BYTES = 64 * 1024;

export type IssuerDeps = AdapterDeps &
  Readonly<{
    url: string;
    keys: readonly SigningKey[];
    cookieKey: string;
    fetchDocument: (url: string) => Promise<Response>;
    /** Whether a member is signed in who sent this request. */
    isSignedIn: (request: object) => boolean;
    showError: (ctx: Context, error: Readonly<Record<string, string | undefined>>) => void;
  }>;

const off = { enabled: false } as const;

const featuresOf = ({ url, db, isSignedIn }: IssuerDeps): object => ({
  devInteractions: off,
  userinfo: off,
  rpInitiatedLogout: off,
  pushedAuthorizationRequests: off,
  dPoP: off,
  introspection: off,
  revocation: {
    enabled: true,
    allowedPolicy: (_ctx: Context, client: Client, token: Readonly<{ clientId?: string }>) =>
      token.clientId === client.clientId,
  },
  registration: { enabled: true, initialAccessToken: false, issueRegistrationAccessToken: false },
  clientIdMetadataDocument: {
    enabled: true,
    ack: 'draft-02',
    // At the token endpoint nobody is signed in: there only clients count that somebody let call.
    allowFetch: (ctx: Context | undefined, id: string) =>
      ctx === undefined || isSignedIn(ctx.req) || hasSignIn(db.signIn, id),
    allowClient: () => true,
    cacheDuration: { min: 300, max: 86_400 },
  },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => undefined,
    useGrantedResource: () => true,
    getResourceServerInfo: async (_ctx: Context, resource: string) => {
      const serverId = serverOfResource(url, resource);
      const server = serverId === undefined ? undefined : await findSignInServer(db.signIn, serverId);
      if (!server) throw new InvalidTarget('resource names no server of this gateway that clients can sign in to');
      return { scope: SCOPE, audience: resource, accessTokenTTL: ACCESS_TOKEN_SECONDS, accessTokenFormat: 'opaque' };
    },
  },
});

const COOKIE = { signed: true, httpOnly: true, sameSite: 'lax', overwrite: true } as const;

const TTL = {
  AccessToken: ACCESS_TOKEN_SECONDS,
  AuthorizationCode: CODE_SECONDS,
  RefreshToken: SIGN_IN_SECONDS,
  Grant: SIGN_IN_SECONDS,
  Interaction: INTERACTION_SECONDS,
  Session: SESSION_SECONDS,
};

/** What clients may be, and how they prove it. */
const CLIENTS = {
  responseTypes: ['code'],
  scopes: ['openid', 'offline_access'],
  subjectTypes: ['public'],
  clientAuthMethods: CLIENT_AUTH_METHODS,
  clientDefaults: {
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
  },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  pkce: { required: () => true },
  allowOmittingSingleRegisteredRedirectUri: false,
  acceptQueryParamAccessTokens: false,
};

/** A session of the library ends with its request; what is issued lives on, until it is used or revoked. */
const TOKENS = {
  expiresWithSession: () => false,
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  revokeGrantPolicy: () => true,
  ttl: TTL,
};

const configurationOf = (deps: IssuerDeps): object => ({
  ...CLIENTS,
  ...TOKENS,
  adapter: makeAdapter(deps),
  jwks: { keys: deps.keys },
  features: featuresOf(deps),
  routes: ENDPOINTS,
  cookies: {
    keys: [deps.cookieKey],
    names: {
      session: '_toolgate_oauth_session',
      interaction: '_toolgate_oauth_interaction',
      resume: '_toolgate_oauth_resume',
    },
    short: { ...COOKIE },
    long: { ...COOKIE },
  },
  findAccount: (_ctx: Context, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
  interactions: { url: (_ctx: Context, { uid }: Readonly<{ uid: string }>) => `/oauth/consent/${uid}` },
  renderError: deps.showError,
  fetch: (target: string | URL) => deps.fetchDocument(String(target)),
  fetchResponseBodyLimits: { 'client_id metadata document': MAX_DOCUMENT_BYTES },
});

/**
 * The authorization server of the gateway's URLs. What it issues is opaque: an access token is a row of `grant_tokens`,
 * so that the gateway finds it in memory as it does a grant token.
 */
export const makeIssuer = (deps: IssuerDeps): Provider => {
  const provider = new Provider(deps.url, configurationOf(deps));
  // Requests come with our own public address, and with no header of whoever sent them.
  provider.proxy = true;
  provider.AccessToken.prototype.generateTokenId = function (this: { grantId?: string; format?: string }) {
    if (this.grantId === undefined) throw new Error('an access token of no sign-in');
    this.format = 'opaque';
    return newAccessToken(this.grantId);
  };
  const report = (error: unknown): void =>
    log.error('the authorization server failed', { error: error instanceof Error ? error.message : 'unknown' });
  provider.on('error', guarded('oauth_error', report));
  provider.on(
    'server_error',
    guarded('oauth_error', (_ctx: unknown, error: unknown) => report(error)),
  );
  return provider;
};

/** Where a client sends its members back to, as a person reads it: a host, or the scheme of an app. */
export const shownRedirect = (uri: string): string => {
  if (!URL.canParse(uri)) return uri.slice(0, 200);
  const { protocol, host } = new URL(uri);
  return protocol === 'https:' || protocol === 'http:' ? host : `${protocol}//`;
};

/** Whether all that a client registered leads to the machine of its user: anybody there could have registered it. */
export const isLocalOnly = ({ redirectUris = [] }: Client): boolean =>
  redirectUris.every((uri) => URL.canParse(uri) && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(uri).hostname));
