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

type SentAuth = Readonly<{ auth: UpstreamAuth; headers: SecretValues }>;

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
      wrong.push({
        pointer: '/auth/type',
        code: 'unsupported',
        message:
          'This release signs in to servers by headers only: ' +
          '{"type":"headers","headers":{"Authorization":"Bearer …"}}.',
      });
      return undefined;
    default:
      wrong.push({
        pointer: '/auth/type',
        code: 'invalid',
        message: 'auth takes {"type":"none"} or {"type":"headers","headers":{…}}',
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
  if (transport?.transport.type === 'stdio' && auth?.auth.type === 'headers') wrong.push(notOverStdio);
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
  };
};

/** Refuses headers for a server that is a command. @throws Problem `invalid_body`. */
export const refuseHeadersOverStdio = (transport: Transport, { auth }: Pick<ServerInput, 'auth'>): void => {
  if (transport.type === 'stdio' && auth?.type === 'headers') refuse([notOverStdio]);
};
