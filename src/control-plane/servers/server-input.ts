import { isObject, type Json } from '../../platform/json/json-object.js';
import type { Transport, UpstreamAuth } from '../../record/event-log/events/index.js';
import { Problem, type ProblemDetail } from '../../platform/runtime/problems.js';
import { readCommand } from './stdio-command.js';
import { readHeaders, type SecretValues } from './upstream-headers.js';
import type { ClientAuth } from './servers.js';
import { pointerTo } from '../../platform/json/pointer.js';
import type { CreateServer, UpdateServer } from './servers.dto.js';

/**
 * How to reach a server as it was sent. `secrets`, header values or a command's environment, go to the upstream and
 * into `server_secrets`, nowhere else.
 */
export type ServerInput = Readonly<{
  name?: string;
  transport?: Transport;
  auth?: UpstreamAuth;
  secrets?: SecretValues;
  /** Of the client that an admin gave for the upstream's authorization server. */
  clientSecret?: string;
  clientAuth?: ClientAuth;
  defaultPolicyId?: string | null;
  disabled?: boolean;
  restartSessions?: boolean;
}>;

type Wrong = ProblemDetail[];

const asObject = (value: unknown): Json => (isObject(value) ? value : {});

const onlyKeys = (sent: Json, keys: readonly string[], at: string, wrong: Wrong): void => {
  for (const key of Object.keys(sent)) {
    if (!keys.includes(key))
      wrong.push({
        pointer: pointerTo(at, key),
        code: 'unknown_key',
        message: `takes ${keys.join(', ')}`,
      });
  }
};

const VISIBLE = /^[\x21-\x7e]{1,1000}$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

const FORMS =
  'transport takes {"type":"streamable-http","url":"https://…"}, {"type":"sse","url":"https://…"} ' +
  'or {"type":"stdio","command":"/usr/bin/…","args":[],"env":{}}';

type SentTransport = Readonly<{ transport: Transport; env?: SecretValues }>;

const readTransport = (value: unknown, wrong: Wrong): SentTransport | undefined => {
  const sent = asObject(value);
  const { type } = sent;
  if (type === 'stdio') {
    onlyKeys(sent, ['type', 'command', 'args', 'env'], '/transport', wrong);
    return readCommand(sent, wrong);
  }
  if (type === 'streamable-http' || type === 'sse') return readUrl(type, sent, wrong);
  wrong.push({ pointer: '/transport/type', code: 'invalid', message: FORMS });
  return undefined;
};

const readUrl = (type: 'streamable-http' | 'sse', sent: Json, wrong: Wrong): SentTransport | undefined => {
  onlyKeys(sent, ['type', 'url'], '/transport', wrong);
  const { url } = sent;
  if (typeof url !== 'string' || url === '') {
    wrong.push({ pointer: '/transport/url', code: 'invalid', message: 'url must be a text' });
    return undefined;
  }
  return { transport: { type, url } };
};

type SentAuth = Readonly<{ auth: UpstreamAuth; headers: SecretValues; clientSecret?: string }>;

/** How Toolgate signs in as a client of the server's authorization server. Nobody is signed in yet. */
const readOauth = (sent: Json, wrong: Wrong): SentAuth | undefined => {
  onlyKeys(sent, ['type', 'per', 'clientId', 'clientSecret', 'scopes', 'issuer'], '/auth', wrong);
  const invalid = (key: string, message: string): void =>
    void wrong.push({ pointer: `/auth/${key}`, code: 'invalid', message });
  const text = (key: string, pattern: RegExp): string | undefined => {
    const value = sent[key];
    if (value === undefined || (typeof value === 'string' && pattern.test(value))) return value;
    invalid(key, `${key} must be a text without white space`);
    return undefined;
  };
  const { per = 'server', scopes } = sent;
  if (per === 'identity')
    wrong.push({ pointer: '/auth/per', code: 'unsupported', message: 'This release signs in once for each server.' });
  else if (per !== 'server') invalid('per', 'per takes "server"');
  const areScopes = Array.isArray(scopes) && scopes.length <= 100 && scopes.every((one) => SCOPE.test(String(one)));
  if (scopes !== undefined && !areScopes) invalid('scopes', 'scopes takes a list of at most 100 scopes');
  const [clientId, clientSecret] = [text('clientId', VISIBLE), text('clientSecret', VISIBLE)];
  const issuer = text('issuer', /^https?:\/\/[^\s?#]{1,2000}$/);
  const auth: UpstreamAuth = {
    type: 'oauth',
    ...(clientId === undefined ? {} : { clientId }),
    ...(areScopes ? { scopes: scopes as string[] } : {}),
    ...(issuer === undefined ? {} : { issuer }),
    status: 'needs_sign_in',
  };
  return { auth, headers: {}, ...(clientSecret === undefined ? {} : { clientSecret }) };
};

const readAuth = (value: unknown, wrong: Wrong): SentAuth | undefined => {
  const sent = asObject(value);
  switch (sent['type']) {
    case 'none':
      onlyKeys(sent, ['type'], '/auth', wrong);
      return { auth: { type: 'none' }, headers: {} };
    case 'headers': {
      onlyKeys(sent, ['type', 'headers'], '/auth', wrong);
      const headers = readHeaders(sent['headers'], '/auth/headers', wrong);
      return { auth: { type: 'headers', names: Object.keys(headers) }, headers };
    }
    case 'oauth':
      return readOauth(sent, wrong);
    default:
      wrong.push({
        pointer: '/auth/type',
        code: 'invalid',
        message: 'auth takes {"type":"none"}, {"type":"headers","headers":{…}} or {"type":"oauth"}',
      });
      return undefined;
  }
};

const refuse = (wrong: Wrong): void => {
  if (wrong.length === 0) return;
  const unsupported = wrong.every(({ code }) => code === 'unsupported');
  if (!unsupported)
    throw new Problem('invalid_body', 'Correct what errors[] names and send the request again.', { errors: wrong });
  throw new Problem('unsupported', wrong.map(({ message }) => message).join(' '), { errors: wrong });
};

/** Why a stdio server takes no headers. */
const notOverStdio: ProblemDetail = {
  pointer: '/auth',
  code: 'invalid',
  message: 'a stdio server takes its credentials in transport.env, not in headers',
};

/**
 * Reads what was sent about a server; absent members stay absent. Says nothing yet about where the URL leads.
 * @throws Problem `invalid_body`, or `unsupported` when nothing else is wrong, with every error at once.
 */
export const readServerInput = (sent: Partial<CreateServer> & UpdateServer): ServerInput => {
  const wrong: Wrong = [];
  const transport = sent.transport === undefined ? undefined : readTransport(sent.transport, wrong);
  const auth = sent.auth === undefined ? undefined : readAuth(sent.auth, wrong);
  if (transport?.transport.type === 'stdio' && auth && auth.auth.type !== 'none') wrong.push(notOverStdio);
  refuse(wrong);
  return {
    ...only('name', sent.name),
    ...accessOf(transport, auth),
    ...only('clientAuth', sent.clientAuth),
    ...only('defaultPolicyId', sent.defaultPolicyId),
    ...only('disabled', sent.disabled),
    ...only('restartSessions', sent.restartSessions),
  };
};

const only = <K extends keyof ServerInput>(key: K, value: ServerInput[K] | undefined): Partial<Pick<ServerInput, K>> =>
  value === undefined ? {} : ({ [key]: value } as Pick<ServerInput, K>);

/** A command signs in by its environment: it has no auth of its own. */
const accessOf = (transport: SentTransport | undefined, auth: SentAuth | undefined): ServerInput => {
  const kept = transport?.transport.type === 'stdio' ? ({ type: 'none' } as const) : auth?.auth;
  return {
    ...only('transport', transport?.transport),
    ...only('auth', kept),
    ...only('secrets', transport?.env ?? auth?.headers),
    ...only('clientSecret', auth?.clientSecret),
  };
};

/** Refuses headers for a server that is a command. @throws Problem `invalid_body`. */
export const refuseHeadersOverStdio = (transport: Transport, { auth }: Pick<ServerInput, 'auth'>): void => {
  if (transport.type === 'stdio' && auth && auth.type !== 'none') refuse([notOverStdio]);
};
