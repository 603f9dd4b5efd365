import type { Outbound } from '../../../platform/outbound/outbound.js';
import { Problem } from '../../../platform/runtime/problems.js';
import type { ConnectionSecrets } from '../../servers/connections.store.js';
import { askJson, textOf } from './ask-json.js';

/** Registers Toolgate as a client of an upstream's authorization server (RFC 7591). @throws Problem unsupported */
export const registerAt = async (
  outbound: Pick<Outbound, 'fetch'>,
  endpoint: string,
  { redirectUri, scopes }: Readonly<{ redirectUri: string; scopes: readonly string[] }>,
): Promise<Pick<ConnectionSecrets, 'clientId' | 'clientSecret'>> => {
  const metadata = {
    client_name: 'Toolgate',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: redirectUri.startsWith('http:') ? 'native' : 'web',
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  };
  const headers = { 'content-type': 'application/json' };
  const asked = askJson(outbound, endpoint, { method: 'POST', headers, body: JSON.stringify(metadata) });
  const answer = await asked.catch(() => undefined);
  const clientId = textOf(answer?.body, 'client_id');
  if (!answer || answer.status < 200 || answer.status > 299 || clientId === undefined)
    throw new Problem('unsupported', 'The authorization server did not register Toolgate. Give auth.clientId.');
  const clientSecret = textOf(answer.body, 'client_secret');
  return { clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
};
