import type { ServerResponse } from 'node:http';
import { refuseHttp } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import type { TokenState } from '../directory/refused-tokens.js';

const CHALLENGE = 'Bearer realm="toolgate"';

const SENTENCES: Readonly<Record<TokenState, string>> = {
  revoked: 'this grant was revoked; ask your administrator for a new one',
  expired: 'this grant has expired; ask your administrator to extend it',
  rotated: 'this grant token was rotated; use the newer token of the grant',
  api_key: 'this is an API key, which only the REST API takes; send a grant token',
  unknown: 'this grant token is unknown; send Authorization: Bearer <grant token>',
};

/** Refuses a request that brings no bearer token (RFC 6750, section 3: the challenge names no error then). */
export const refuseWithoutToken = (response: ServerResponse): void =>
  refuseHttp(response, 401, {
    code: OWN_CODES.unauthorized,
    message: 'send Authorization: Bearer <grant token>',
    headers: { 'www-authenticate': CHALLENGE },
  });

/** Refuses a request whose token is not good, and says why. */
export const refuseToken = (response: ServerResponse, state: TokenState): void =>
  refuseHttp(response, 401, {
    code: OWN_CODES.unauthorized,
    message: SENTENCES[state],
    headers: {
      'www-authenticate': `${CHALLENGE}, error="invalid_token", error_description="${SENTENCES[state]}"`,
    },
  });
