import { isAbsolute } from 'node:path';
import {
  broker,
  cidr,
  host,
  key32,
  list,
  lowerCase,
  mailbox,
  matching,
  oneOf,
  origin,
  postgresUrl,
  proxyUrl,
  roles,
  smtpUrl,
  userId,
  webOrigin,
  whole,
} from './setting-readers.js';
import { optional, setting, type Setting } from './setting.js';
import { isVariablePattern, STDIO_VARIABLES } from './stdio-variables.js';

const KEY_FILE = optional(matching(/^.+$/), ['a file with 32 bytes in base64', 'none', 'The same, of a file.']);

/** Every variable that Toolgate reads, in the order of the table in docs/operating.md. */
export const settings = {
  PORT: setting(whole(0, 65_535), 8080, [
    'a port from 0 to 65535; 0 picks a free one and prints it',
    '8080',
    'Where API and gateway listen.',
  ]),
  HOST: setting(host, '127.0.0.1', ['a host name or an address', '127.0.0.1', 'The address to listen on.']),
  PUBLIC_URL: optional(origin, [
    'an http or https origin without a path',
    '`http://HOST:PORT`',
    'Goes into `mcpUrl`, metadata and mails; cookies, `Origin` and `Host` checks go by it. Not set ' +
      'with a `HOST` beyond loopback: only IP addresses are taken as `Host`.',
  ]),
  ALLOWED_HOSTS: setting(
    list(lowerCase(host)),
    [],
    ['host names or addresses without ports, comma-separated', 'nothing', 'Further names that `Host` may have.'],
  ),
  OPERATORS: setting(
    list(lowerCase(matching(/^[^\s<>"@,;]+@[^\s<>"@,;]+$/))),
    [],
    [
      'e-mail addresses, comma-separated',
      'nothing',
      'Members who are shown the details of `/readyz`; they get the messages of `/contact` by mail.',
    ],
  ),
  DATA_DIR: setting((text) => (text.length > 0 ? text : undefined), './.toolgate', [
    'a folder',
    '`./.toolgate`',
    'Embedded database, keys, run files.',
  ]),
  DATABASE_URL: optional(postgresUrl, [
    'a postgres:// URL with a host and without start-up options',
    'none: embedded PostgreSQL',
    'An outside PostgreSQL, 15 or later, without a pooler in between.',
  ]),
  KAFKA_BROKERS: setting(
    list(broker),
    [],
    [
      'host:port, comma-separated; a host is a name or an IPv4 address',
      'none: the log in PostgreSQL',
      'The Kafka cluster that keeps the event log.',
    ],
  ),
  KAFKA_PARTITIONS: setting(whole(1, 1000), 12, [
    'a whole number from 1 to 1000',
    '12',
    'Partitions of each topic; never changed once the topics exist.',
  ]),
  KAFKA_REPLICATION: optional(whole(1, 9), [
    'a whole number from 1 to 9',
    'min(3, brokers)',
    'Replicas of each partition.',
  ]),
  KAFKA_SSL: setting<boolean>((text) => (text === 'true' ? true : text === 'false' ? false : undefined), false, [
    'true or false',
    'false',
    'Connect to Kafka by TLS.',
  ]),
  KAFKA_SSL_CA_FILE: optional(matching(/^.+$/), [
    'a file in PEM form',
    "the system's",
    'Certificate authority of the brokers.',
  ]),
  KAFKA_SASL_MECHANISM: optional(oneOf('plain', 'scram-sha-256', 'scram-sha-512'), [
    'plain, scram-sha-256 or scram-sha-512',
    'none',
    'How to sign in to Kafka.',
  ]),
  KAFKA_SASL_USERNAME: optional(matching(/^.+$/), ['a user name', 'none', 'User for Kafka.']),
  KAFKA_SASL_PASSWORD: optional(matching(/^.+$/), ['a password', 'none', 'Password for Kafka.']),
  ROLES: setting<readonly string[]>(
    roles,
    ['all'],
    ['all, or any of api,gateway,projector,streams', 'all', 'What this process does.'],
  ),
  MASTER_KEY: optional(key32, [
    '32 bytes in base64',
    'made in `DATA_DIR` when embedded; required with `DATABASE_URL`',
    'Wraps the keys that encrypt secrets; session ids are sealed with a key derived from it.',
  ]),
  MASTER_KEY_FILE: KEY_FILE,
  LOG_SIGNING_KEY: optional(key32, [
    '32 bytes in base64',
    'made in `DATA_DIR` when embedded, else derived from the master key',
    'Signs checkpoints of the audit log (docs/proof.md).',
  ]),
  LOG_SIGNING_KEY_FILE: KEY_FILE,
  LOG_SIGNING_KEY_PREVIOUS: optional(key32, [
    '32 bytes in base64',
    'none',
    'The key that signed before: it signs that the new one follows (docs/proof.md).',
  ]),
  LOG_SIGNING_KEY_PREVIOUS_FILE: KEY_FILE,
  SMTP_URL: optional(smtpUrl, [
    'an smtp:// or smtps:// URL with a host',
    'none: no mail is sent',
    'The server that takes our mail; `?requireTLS=true` wants STARTTLS of an smtp:// one.',
  ]),
  MAIL_FROM: optional(mailbox, [
    'an address, or a name and an address in angle brackets',
    'required with `SMTP_URL`',
    'Whom our mail comes from.',
  ]),
  SIGNUP: optional(oneOf('open', 'first', 'closed'), [
    'open, first or closed',
    '`open` when `HOST` and `PUBLIC_URL` are loopback, else `first`',
    'Who may sign up: anyone, only the first organization, or nobody.',
  ]),
  UPSTREAM_ALLOW: optional(list(cidr), [
    'addresses or CIDR ranges, comma-separated',
    '`127.0.0.0/8,::1` when embedded and `HOST` and `PUBLIC_URL` are loopback, else nothing',
    'Private ranges that a server, webhook or log stream may point to; our own ports never.',
  ]),
  HTTPS_PROXY: optional(proxyUrl, [
    'an http:// or https:// URL of a proxy, with its user and password where it wants them',
    'none',
    'The proxy that log streams reach https receivers through, by CONNECT. It has to refuse private addresses ' +
      'itself: names that only it can look up are judged by it alone.',
  ]),
  NO_PROXY: setting(
    list(matching(/^[^\s,]{1,253}$/)),
    [],
    ['host names, comma-separated; each with all below it', 'nothing', 'Receivers that are reached without the proxy.'],
  ),
  ALLOW_STDIO: setting(
    list((text) => (isAbsolute(text) ? text : undefined)),
    [],
    [
      'absolute paths of commands, comma-separated',
      'nothing',
      'Commands that may be run as stdio servers; refused with `SIGNUP=open` unless `HOST` and ' +
        '`PUBLIC_URL` are loopback.',
    ],
  ),
  STDIO_ENV: setting(
    list((text) => (isVariablePattern(text) ? text : undefined)),
    STDIO_VARIABLES,
    [
      'names of variables, comma-separated; `*` at the beginning or the end stands for any characters',
      STDIO_VARIABLES.map((name) => `\`${name}\``).join(' '),
      'Variables that the registration of a stdio server may set. Those that make interpreters run ' +
        'other code only where the very name is listed.',
    ],
  ),
  STDIO_USER: optional(userId, [
    'a numeric user id, or user and group id as 1001:1001; not 0, and not 65534',
    'none',
    'The user that stdio servers run as; needs a start as root.',
  ]),
  STDIO_SANDBOX: setting<'auto' | 'required' | 'off'>(oneOf('auto', 'required', 'off'), 'auto', [
    'auto, required or off',
    '`auto`: where bubblewrap works',
    'Whether stdio servers run in a sandbox without our environment and `DATA_DIR`.',
  ]),
  TRUSTED_PROXIES: setting(
    list(cidr),
    [],
    ['addresses or CIDR ranges, comma-separated', 'nothing', 'Whose `X-Forwarded-For` counts.'],
  ),
  ALLOWED_ORIGINS: setting(
    list(webOrigin),
    [],
    [
      'web origins, comma-separated, such as https://app.example or tauri://localhost',
      'nothing',
      'Web origins that may call `/mcp`.',
    ],
  ),
  UPSTREAM_TIMEOUT: setting(whole(1, 86_400), 300, [
    'seconds from 1 to 86400',
    '300',
    'How long an upstream may be silent.',
  ]),
  MAX_CALLS: setting(whole(1, 1_000_000), 16_384, [
    'a whole number from 1 to 1000000',
    '16384',
    'Calls that one process has under way at once. Beyond half of them each organization has an equal share.',
  ]),
  MAX_CALLS_PER_ORGANIZATION: setting(whole(1, 1_000_000), 2048, [
    'a whole number from 1 to 1000000',
    '2048',
    'Of these, calls of one organization; more are refused as `overloaded`.',
  ]),
  MAX_CALLS_PER_GRANT: setting(whole(1, 1_000_000), 256, [
    'a whole number from 1 to 1000000',
    '256',
    'Of these, calls of one grant; more are refused as `overloaded`.',
  ]),
  MAX_SESSIONS_PER_GRANT: setting(whole(1, 10_000), 32, [
    'a whole number from 1 to 10000',
    '32',
    'Sessions that one grant may have open at a stdio or SSE server. One more takes the place ' +
      'of one that was idle for ' +
      'a minute, or is refused.',
  ]),
  MAX_SESSIONS_PER_SERVER: setting(whole(1, 10_000), 200, [
    'a whole number from 1 to 10000',
    '200',
    'Sessions that all grants together may have open at a stdio or SSE server.',
  ]),
  SESSION_IDLE_MINUTES: setting(whole(1, 1440), 30, [
    'minutes from 1 to 1440',
    '30',
    'After how long without a request or a stream the process or connection of a session at a stdio or SSE server ' +
      'ends. Its next request starts it again.',
  ]),
  MAX_STALENESS_SECONDS: setting(whole(1, 3600), 15, [
    'seconds from 1 to 3600',
    '15',
    'How long a gateway may decide without knowing that it has every change.',
  ]),
  AUDIT_RETENTION_DAYS: setting(whole(1, 36_500), 400, [
    'days from 1 to 36500',
    '400',
    'How long audit records are kept.',
  ]),
  LOG_RETENTION_DAYS: setting(whole(1, 3650), 7, [
    'days from 1 to 3650',
    '7',
    'How long the event log is kept after recording.',
  ]),
  DELETION_DELAY_DAYS: setting(whole(1, 365), 30, [
    'days from 1 to 365',
    '30',
    'How long an organization that its admin deletes can still be exported and kept.',
  ]),
} as const;

export type Settings = {
  readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never;
};

/**
 * Reads every variable; errors name the variable and what it takes, never its value. An empty value counts as absent.
 */
export const readSettings = (
  env: Readonly<Record<string, string | undefined>>,
): Readonly<{ values: Settings; errors: readonly string[] }> => {
  const errors: string[] = [];
  const entries = Object.entries(settings as Readonly<Record<string, Setting<unknown>>>).map(([name, one]) => {
    const text = env[name];
    if (text === undefined || text === '') return [name, one.absent];
    const value = one.read(text);
    if (value === undefined) errors.push(`${name} takes ${one.takes}`);
    return [name, value ?? one.absent];
  });
  return { values: Object.fromEntries(entries) as Settings, errors };
};
