import type { Json } from '../../../platform/json/json-object.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import type { ConnectionSecrets } from '../../servers/connections.store.js';
import { askJson, textOf } from './ask-json.js';

/** Tokens of an upstream; `seconds`: how long the access token lives, undefined where nobody says. */
export type UpstreamTokens = Readonly<{
  accessToken: string;
  refreshToken: string | undefined;
  seconds: number | undefined;
  scopes: readonly string[] | undefined;
}>;

/** `refused`: the authorization server will not give tokens any more. `unavailable`: it may do so later. */
export type TokenAnswer = UpstreamTokens | 'refused' | 'unavailable';

const MAX_SECONDS = 365 * 86_400;

/** A bearer token that can stand in a header. */
const isToken = (text: string | undefined): text is string => text !== undefined && /^[\x21-\x7e]{1,8192}$/.test(text);

const formOf = (
  { clientId = '', clientSecret, resource }: ConnectionSecrets,
  grant: Readonly<Record<string, string>>,
): string =>
  new URLSearchParams({
    ...grant,
    client_id: clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(resource === undefined ? {} : { resource }),
  }).toString();

const tokensIn = (body: Json | undefined): TokenAnswer => {
  const accessToken = textOf(body, 'access_token');
  if (!isToken(accessToken)) return 'refused';
  const seconds = Number(body?.['expires_in']);
  return {
    accessToken,
    refreshToken: textOf(body, 'refresh_token'),
    seconds: Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, MAX_SECONDS) : undefined,
    scopes: textOf(body, 'scope')?.split(' '),
  };
};

/** Asks a token endpoint, as the client that `secrets` say. Never rejects. */
export const askTokens = async (
  outbound: Pick<Outbound, 'fetch'>,
  secrets: ConnectionSecrets,
  grant: Readonly<Record<string, string>>,
): Promise<TokenAnswer> => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const init = { method: 'POST', headers, body: formOf(secrets, grant) };
  const answer = await askJson(outbound, secrets.tokenEndpoint ?? '', init).catch(() => undefined);
  if (!answer || answer.status >= 500 || answer.status === 429) return 'unavailable';
  return answer.status === 200 ? tokensIn(answer.body) : 'refused';
};

/** Tokens are renewed when a fifth of their life is left, a minute at most. */
export const refreshTime = (now: Date, seconds: number): Date =>
  new Date(now.getTime() + (seconds - Math.min(60, seconds / 5)) * 1000);
