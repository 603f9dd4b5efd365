import type { ServerResponse } from 'node:http';
import { refuseHttp } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import type { Directory } from '../directory/directory.js';
import type { TokenState } from '../directory/refused-tokens.js';

/** What a challenge is made of. */
type ChallengeDeps = Readonly<{ directory: Pick<Directory, 'takesSignIns'>; publicUrl: () => string }>;

const REALM = 'Bearer realm="toolgate"';

/**
 * The challenge of an endpoint (RFC 6750, section 3). Where clients can sign in it says where they read how (RFC 9728,
 * 5.1); elsewhere it does not, as some clients drop the token that they have when they find any.
 */
export const challengeOf = (url: string | undefined, { directory, publicUrl }: ChallengeDeps): string => {
  const serverId = /^\/mcp\/(srv_[0-9a-z]{26})(?:[/?]|$)/.exec(url ?? '')?.[1];
  if (serverId === undefined || !directory.takesSignIns(serverId)) return REALM;
  const metadata = `${publicUrl()}/.well-known/oauth-protected-resource/mcp/${serverId}`;
  return `${REALM}, resource_metadata="${metadata}", scope="mcp"`;
};

const SENTENCES: Readonly<Record<TokenState | 'other_audience', string>> = {
  other_audience: 'this access token is for another server; sign in to this one',
  revoked: 'this grant was revoked; ask your administrator for a new one',
  expired: 'this grant has expired; ask your administrator to extend it',
  rotated: 'this grant token was rotated; use the newer token of the grant',
  api_key: 'this is an API key, which only the REST API takes; send a grant token',
  unknown: 'this grant token is unknown; send Authorization: Bearer <grant token>',
};

/** Refuses a request that brings no bearer token (RFC 6750, section 3: the challenge names no error then). */
export const refuseWithoutToken = (response: ServerResponse, challenge: string): void =>
  refuseHttp(response, 401, {
    code: OWN_CODES.unauthorized,
    message: 'send Authorization: Bearer <grant token>',
    headers: { 'www-authenticate': challenge },
  });

/** Refuses a request whose token is not good, and says why. */
export const refuseToken = (response: ServerResponse, state: TokenState | 'other_audience', challenge: string): void =>
  refuseHttp(response, 401, {
    code: OWN_CODES.unauthorized,
    message: SENTENCES[state],
    headers: {
      'www-authenticate': `${challenge}, error="invalid_token", error_description="${SENTENCES[state]}"`,
    },
  });
