import type { Transport, UpstreamAuth } from '../event-log/events/index.js';
import { Problem, type ProblemDetail } from '../platform/problems.js';
import { readHeaders, type SecretHeaders } from './upstream-headers.js';
import type { ClientAuth } from './servers.js';

/** How to reach a server as it was sent. `headers` are secret: they go to the upstream and into `server_secrets`, nowhere else. */
export type ServerInput = Readonly<{ name?: string; transport?: Transport; auth?: UpstreamAuth; headers?: SecretHeaders; clientAuth?: ClientAuth; disabled?: boolean }>;

export type SentServer = Readonly<{ name?: string; transport?: unknown; auth?: unknown; clientAuth?: string; disabled?: boolean }>;

type Wrong = ProblemDetail[];
type Sent = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): Sent => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Sent) : {});

const onlyKeys = (sent: Sent, keys: readonly string[], at: string, wrong: Wrong): void => {
  for (const key of Object.keys(sent)) {
    if (!keys.includes(key)) wrong.push({ pointer: `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, code: 'unknown_key', message: `takes ${keys.join(', ')}` });
  }
};

const unsupportedTransports: Readonly<Record<string, string>> = {
  sse: 'This release reaches servers over streamable-http only; most servers with an sse endpoint offer that too, often at /mcp.',
  stdio: 'This release does not run stdio servers; a later one will run the commands that ALLOW_STDIO lists. Until then serve it over streamable-http.',
};

const readTransport = (value: unknown, wrong: Wrong): Transport | undefined => {
  const sent = asObject(value);
  const { type, url } = sent;
  if (typeof type === 'string' && Object.hasOwn(unsupportedTransports, type)) {
    wrong.push({ pointer: '/transport/type', code: 'unsupported', message: unsupportedTransports[type] ?? '' });
    return undefined;
  }
  if (type !== 'streamable-http') {
    wrong.push({ pointer: '/transport/type', code: 'invalid', message: 'transport takes {"type":"streamable-http","url":"https://…"}' });
    return undefined;
  }
  onlyKeys(sent, ['type', 'url'], '/transport', wrong);
  if (typeof url !== 'string' || url === '') {
    wrong.push({ pointer: '/transport/url', code: 'invalid', message: 'url must be a text' });
    return undefined;
  }
  return { type, url };
};

const readAuth = (value: unknown, wrong: Wrong): Readonly<{ auth: UpstreamAuth; headers: SecretHeaders }> | undefined => {
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
      wrong.push({ pointer: '/auth/type', code: 'unsupported', message: 'This release signs in to servers by headers only: {"type":"headers","headers":{"Authorization":"Bearer …"}}.' });
      return undefined;
    default:
      wrong.push({ pointer: '/auth/type', code: 'invalid', message: 'auth takes {"type":"none"} or {"type":"headers","headers":{…}}' });
      return undefined;
  }
};

const readClientAuth = (value: string | undefined, wrong: Wrong): void => {
  if (value === 'oauth') wrong.push({ pointer: '/clientAuth', code: 'unsupported', message: 'In this release clients sign in by grant token only: "token".' });
};

const refuse = (wrong: Wrong): void => {
  if (wrong.length === 0) return;
  const unsupported = wrong.every(({ code }) => code === 'unsupported');
  if (!unsupported) throw new Problem('invalid_body', 'Correct what errors[] names and send the request again.', { errors: wrong });
  throw new Problem('unsupported', wrong.map(({ message }) => message).join(' '), { errors: wrong });
};

/**
 * Reads what was sent about a server; absent members stay absent. Says nothing yet about where the URL leads.
 * @throws Problem `invalid_body`, or `unsupported` when nothing else is wrong, with every error at once.
 */
export const readServerInput = (sent: SentServer): ServerInput => {
  const wrong: Wrong = [];
  const transport = sent.transport === undefined ? undefined : readTransport(sent.transport, wrong);
  const auth = sent.auth === undefined ? undefined : readAuth(sent.auth, wrong);
  readClientAuth(sent.clientAuth, wrong);
  refuse(wrong);
  return {
    ...(sent.name === undefined ? {} : { name: sent.name }),
    ...(transport ? { transport } : {}),
    ...auth,
    ...(sent.clientAuth === undefined ? {} : { clientAuth: 'token' }),
    ...(sent.disabled === undefined ? {} : { disabled: sent.disabled }),
  };
};
