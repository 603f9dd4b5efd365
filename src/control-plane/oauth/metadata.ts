/** The one scope: to call a server as a policy allows. */
export const SCOPE = 'mcp';

/** Where the endpoints are. */
export const ENDPOINTS = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  registration: '/oauth/register',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
} as const;

/** How a client proves who it is at the token endpoint. Most are public, and prove nothing. */
export const CLIENT_AUTH_METHODS = ['none', 'client_secret_post', 'client_secret_basic'] as const;

/**
 * The metadata of the authorization server (RFC 8414, and OpenID Connect Discovery for clients that look there alone).
 * No id tokens are issued; the members about them are those that discovery demands.
 */
export const serverMetadata = (issuer: string): Readonly<Record<string, unknown>> => ({
  issuer,
  authorization_endpoint: `${issuer}${ENDPOINTS.authorization}`,
  token_endpoint: `${issuer}${ENDPOINTS.token}`,
  registration_endpoint: `${issuer}${ENDPOINTS.registration}`,
  revocation_endpoint: `${issuer}${ENDPOINTS.revocation}`,
  jwks_uri: `${issuer}${ENDPOINTS.jwks}`,
  scopes_supported: [SCOPE, 'offline_access'],
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
  revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
  client_id_metadata_document_supported: true,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
});

/** The metadata of a gateway URL (RFC 9728). `resource` is the URL to the letter. */
export const resourceMetadata = (issuer: string, serverId: string): Readonly<Record<string, unknown>> => ({
  resource: `${issuer}/mcp/${serverId}`,
  authorization_servers: [issuer],
  scopes_supported: [SCOPE],
  bearer_methods_supported: ['header'],
});

const WELL_KNOWN =
  /^\/\.well-known\/(oauth-authorization-server|openid-configuration)(?:\/mcp\/(srv_[0-9a-z]{26})\/?)?$/;
const RESOURCE = /^\/\.well-known\/oauth-protected-resource\/mcp\/(srv_[0-9a-z]{26})\/?$/;

/** Which document a path names; a server's is there only where clients can sign in to it. */
export type Document = Readonly<{ of: 'server' | 'resource'; serverId: string | undefined }>;

/** The document that a path names. */
export const documentAt = (path: string): Document | undefined => {
  const resource = RESOURCE.exec(path);
  if (resource) return { of: 'resource', serverId: resource[1] };
  const server = WELL_KNOWN.exec(path);
  return server ? { of: 'server', serverId: server[2] } : undefined;
};

/**
 * The server that a resource indicator (RFC 8707) names: its gateway URL, in any spelling that a URL parser reads
 * alike, with or without a slash at its end. Undefined for everything else.
 */
export const serverOfResource = (issuer: string, resource: string): string | undefined => {
  if (!URL.canParse(resource)) return undefined;
  const url = new URL(resource);
  const base = new URL(issuer);
  if (url.origin !== base.origin || url.search !== '' || url.hash !== '' || url.username !== '') return undefined;
  const path = base.pathname.replace(/\/$/, '');
  if (!url.pathname.startsWith(`${path}/mcp/`)) return undefined;
  return /^\/mcp\/(srv_[0-9a-z]{26})\/?$/.exec(url.pathname.slice(path.length))?.[1];
};
