import { isObject, type Json } from '../../platform/json/json-object.js';
import { clientName } from './client-name.js';
import { CLIENT_AUTH_METHODS } from './metadata.js';

/** What a client may ask for as a member of a set; anything else is left out, and it is told what it got. */
const AUTH_METHODS: ReadonlySet<unknown> = new Set(CLIENT_AUTH_METHODS);
const MAX_REDIRECT_URIS = 20;
const MAX_URI_LENGTH = 2048;

/**
 * What a client says of itself, as this server takes it. Clients of MCP register what they know of other servers: grant
 * types that this one lacks, scopes, the type `web` together with loopback and custom schemes. Refusing those would
 * leave their users with an error and no remedy, and none of it gives a right: every client is a native one, which may
 * use https, loopback with any port, and its own schemes exactly as registered.
 */
export const acceptedMetadata = (sent: Json): Json => {
  const { redirect_uris: uris, client_name: name, token_endpoint_auth_method: method } = sent;
  return {
    redirect_uris: Array.isArray(uris) ? uris.slice(0, MAX_REDIRECT_URIS + 1).map(asUri) : uris,
    client_name: clientName(name),
    token_endpoint_auth_method: AUTH_METHODS.has(method) ? method : 'none',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
};

const asUri = (uri: unknown): unknown => (typeof uri === 'string' && uri.length <= MAX_URI_LENGTH ? uri : '');

/** Why a registration is refused before the library reads it. */
export const registrationFault = (sent: unknown): string | undefined => {
  if (!isObject(sent)) return 'send one JSON object';
  const uris = sent['redirect_uris'];
  if (!Array.isArray(uris) || uris.length === 0) return 'redirect_uris takes at least one URI';
  return uris.length > MAX_REDIRECT_URIS ? `redirect_uris takes at most ${MAX_REDIRECT_URIS} URIs` : undefined;
};
