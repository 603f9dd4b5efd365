import type { CallLimits } from '../fair-shares/data-plane-quotas.js';
import { hostNameOf, isLoopback } from './host-names.js';
import { readSettings, settings, type Settings } from './settings.js';

export type Role = 'api' | 'gateway' | 'projector' | 'streams';

/** Everything that can be set, read once from the environment, frozen. Times in the unit their name ends with. */
export type Config = Readonly<{
  port: number;
  host: string;
  /** Undefined until the port is known: the server then uses `http://HOST:PORT`. */
  publicUrl: string | undefined;
  dataDir: string;
  databaseUrl: string | undefined;
  kafka: KafkaConfig | undefined;
  partitions: number;
  roles: ReadonlySet<Role>;
  masterKey: string | undefined;
  masterKeyFile: string | undefined;
  logSigningKey: string | undefined;
  logSigningKeyFile: string | undefined;
  previousLogSigningKey: string | undefined;
  previousLogSigningKeyFile: string | undefined;
  /** Undefined: this installation sends no mail. */
  mail: Readonly<{ url: string; from: string }> | undefined;
  signup: 'open' | 'first' | 'closed';
  upstreamAllow: readonly string[];
  /** The way out of log streams to https receivers. */
  proxy: Readonly<{ url: string; except: readonly string[] }> | undefined;
  allowStdio: readonly string[];
  /** What the environment of a stdio server may set: names, some with `*` at one end. */
  stdioVariables: readonly string[];
  stdioUser: Readonly<{ uid: number; gid: number }> | undefined;
  stdioSandbox: 'auto' | 'required' | 'off';
  trustedProxies: readonly string[];
  allowedOrigins: readonly string[];
  /** Further names that a request's `Host` may have, in lower case. */
  allowedHosts: readonly string[];
  /** E-mails, in lower case, of the members who may see details of this installation. */
  operators: readonly string[];
  upstreamTimeoutMs: number;
  maxStalenessMs: number;
  calls: CallLimits;
  /** Of sessions at stdio and SSE servers. */
  channelSessions: Readonly<{ perGrant: number; perServer: number; idleMs: number }>;
  auditRetentionDays: number;
  logRetentionDays: number;
  deletionDelayDays: number;
  /**
   * Whether we listen on a loopback address only. A proxy on the same machine may still pass requests of others on:
   * defaults go by PUBLIC_URL too.
   */
  boundToLoopback: boolean;
}>;

export type KafkaConfig = Readonly<{
  brokers: readonly string[];
  replication: number | undefined;
  ssl: boolean;
  caFile: string | undefined;
  sasl:
    | Readonly<{ mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }>
    | undefined;
}>;

/** Wrong settings, all at once. Every line names a variable and what it takes, never its value. */
export class ConfigError extends Error {
  readonly lines: readonly string[];
  constructor(lines: readonly string[]) {
    super(`The settings are not valid:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.lines = lines;
  }
}

/**
 * Whether nobody but this machine is meant to reach us: we listen on a loopback address, and PUBLIC_URL names nothing
 * else.
 */
const isLocal = ({ HOST, PUBLIC_URL }: Settings): boolean =>
  isLoopback(HOST) && (PUBLIC_URL === undefined || isLoopback(hostNameOf(PUBLIC_URL)));

const kafkaConfig = (read: Settings): KafkaConfig | undefined =>
  read.KAFKA_BROKERS.length === 0
    ? undefined
    : {
        brokers: read.KAFKA_BROKERS,
        replication: read.KAFKA_REPLICATION,
        ssl: read.KAFKA_SSL,
        caFile: read.KAFKA_SSL_CA_FILE,
        sasl: read.KAFKA_SASL_MECHANISM && {
          mechanism: read.KAFKA_SASL_MECHANISM,
          username: read.KAFKA_SASL_USERNAME ?? '',
          password: read.KAFKA_SASL_PASSWORD ?? '',
        },
      };

/** The process's environment: the one place that reads it. */
export const environment = (): Readonly<Record<string, string | undefined>> => process.env;

/**
 * Takes the secrets out of this process's environment once they are read, so that nothing that we start inherits them
 * by mistake. What the process was started with stays readable at /proc/<pid>/environ to processes of the same user.
 */
export const forgetSecrets = (): void => {
  for (const name of [
    'MASTER_KEY',
    'LOG_SIGNING_KEY',
    'LOG_SIGNING_KEY_PREVIOUS',
    'DATABASE_URL',
    'SMTP_URL',
    'KAFKA_SASL_PASSWORD',
  ])
    delete process.env[name];
};

/** Settings that are right alone but not together. */
const disagreements = (read: Settings, roles: ReadonlySet<Role>, signup: string): string[] => {
  const lines: string[] = [];
  if (roles.size < 4 && !read.DATABASE_URL)
    lines.push('ROLES other than "all" needs DATABASE_URL: one embedded database serves one process');
  if (read.DATABASE_URL && !read.MASTER_KEY && !read.MASTER_KEY_FILE)
    lines.push(
      'MASTER_KEY or MASTER_KEY_FILE is required with DATABASE_URL: 32 bytes in base64, e.g. from ' +
        '"openssl rand -base64 32"',
    );
  if (read.MASTER_KEY && read.MASTER_KEY_FILE) lines.push('MASTER_KEY and MASTER_KEY_FILE exclude each other: set one');
  if (read.ALLOW_STDIO.length > 0 && signup === 'open' && !isLocal(read))
    lines.push('ALLOW_STDIO is refused together with SIGNUP=open unless HOST and PUBLIC_URL are loopback addresses');
  return lines;
};

const keyDisagreements = (read: Settings): string[] =>
  (['LOG_SIGNING_KEY', 'LOG_SIGNING_KEY_PREVIOUS'] as const).flatMap((name) =>
    read[name] && read[`${name}_FILE`] ? [`${name} and ${name}_FILE exclude each other: set one`] : [],
  );

const mailDisagreements = (read: Settings): string[] =>
  read.SMTP_URL && !read.MAIL_FROM
    ? ['MAIL_FROM is required with SMTP_URL: an address that its server lets us send from']
    : [];

const kafkaDisagreements = (read: Settings): string[] => {
  const lines: string[] = [];
  if (read.KAFKA_SASL_MECHANISM && !(read.KAFKA_SASL_USERNAME && read.KAFKA_SASL_PASSWORD))
    lines.push('KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD');
  if (!read.KAFKA_SASL_MECHANISM && (read.KAFKA_SASL_USERNAME || read.KAFKA_SASL_PASSWORD))
    lines.push(
      'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD need KAFKA_SASL_MECHANISM (plain, scram-sha-256 or scram-sha-512)',
    );
  if (read.KAFKA_SSL_CA_FILE && !read.KAFKA_SSL) lines.push('KAFKA_SSL_CA_FILE needs KAFKA_SSL=true');
  return lines;
};

/** Throws when a setting can't be read, or settings that can be read disagree. */
const refuseWrong = (errors: readonly string[], disagreeing: readonly string[]): void => {
  const wrong = errors.map((line) => line.slice(0, line.indexOf(' ')));
  // A line about a variable that could not be read would judge its default.
  const together = disagreeing.filter((line) => !wrong.some((name) => line.includes(name)));
  const lines = [...errors, ...together];
  if (lines.length > 0) throw new ConfigError(lines);
};

const callLimits = (read: Settings): CallLimits => ({
  perProcess: read.MAX_CALLS,
  perOrganization: read.MAX_CALLS_PER_ORGANIZATION,
  perGrant: read.MAX_CALLS_PER_GRANT,
});

type Retention = Pick<Config, 'auditRetentionDays' | 'logRetentionDays' | 'deletionDelayDays'>;

const retentionOf = (read: Settings): Retention => ({
  auditRetentionDays: read.AUDIT_RETENTION_DAYS,
  logRetentionDays: read.LOG_RETENTION_DAYS,
  deletionDelayDays: read.DELETION_DELAY_DAYS,
});

const proxyOf = (read: Settings): Config['proxy'] =>
  read.HTTPS_PROXY === undefined ? undefined : { url: read.HTTPS_PROXY, except: read.NO_PROXY };

const sessionLimits = (read: Settings): Config['channelSessions'] => ({
  perGrant: read.MAX_SESSIONS_PER_GRANT,
  perServer: read.MAX_SESSIONS_PER_SERVER,
  idleMs: read.SESSION_IDLE_MINUTES * 60_000,
});

const allDisagreements = (read: Settings, roles: ReadonlySet<Role>, signup: string): readonly string[] => [
  ...disagreements(read, roles, signup),
  ...kafkaDisagreements(read),
  ...mailDisagreements(read),
  ...keyDisagreements(read),
];

const ownKeys = (
  read: Settings,
): Pick<
  Config,
  | 'masterKey'
  | 'masterKeyFile'
  | 'logSigningKey'
  | 'logSigningKeyFile'
  | 'previousLogSigningKey'
  | 'previousLogSigningKeyFile'
> => ({
  masterKey: read.MASTER_KEY,
  masterKeyFile: read.MASTER_KEY_FILE,
  logSigningKey: read.LOG_SIGNING_KEY,
  logSigningKeyFile: read.LOG_SIGNING_KEY_FILE,
  previousLogSigningKey: read.LOG_SIGNING_KEY_PREVIOUS,
  previousLogSigningKeyFile: read.LOG_SIGNING_KEY_PREVIOUS_FILE,
});

/**
 * Reads and checks all settings of an environment (normally `process.env`).
 * @throws ConfigError naming every wrong variable and what it takes.
 */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const { values: read, errors } = readSettings(env);
  const roles = new Set<Role>(
    read.ROLES.includes('all') ? ['api', 'gateway', 'projector', 'streams'] : (read.ROLES as readonly Role[]),
  );
  const local = isLocal(read);
  const signup = read.SIGNUP ?? (local ? 'open' : 'first');
  refuseWrong(errors, allDisagreements(read, roles, signup));
  return Object.freeze({
    port: read.PORT,
    host: read.HOST,
    publicUrl: read.PUBLIC_URL,
    dataDir: read.DATA_DIR,
    databaseUrl: read.DATABASE_URL,
    kafka: kafkaConfig(read),
    partitions: read.KAFKA_PARTITIONS,
    roles,
    ...ownKeys(read),
    mail: read.SMTP_URL && read.MAIL_FROM ? { url: read.SMTP_URL, from: read.MAIL_FROM } : undefined,
    signup,
    upstreamAllow: read.UPSTREAM_ALLOW ?? (local && !read.DATABASE_URL ? ['127.0.0.0/8', '::1/128'] : []),
    proxy: proxyOf(read),
    allowStdio: read.ALLOW_STDIO,
    stdioVariables: read.STDIO_ENV,
    stdioUser: read.STDIO_USER,
    stdioSandbox: read.STDIO_SANDBOX,
    trustedProxies: read.TRUSTED_PROXIES,
    allowedOrigins: read.ALLOWED_ORIGINS,
    allowedHosts: read.ALLOWED_HOSTS,
    operators: read.OPERATORS,
    upstreamTimeoutMs: read.UPSTREAM_TIMEOUT * 1000,
    maxStalenessMs: read.MAX_STALENESS_SECONDS * 1000,
    calls: callLimits(read),
    channelSessions: sessionLimits(read),
    ...retentionOf(read),
    boundToLoopback: isLoopback(read.HOST),
  });
};

/** What the start tells the operator of settings that are valid and yet worth a second thought. */
export const warningsOf = (config: Config): readonly string[] =>
  config.publicUrl === undefined && !config.boundToLoopback
    ? [
        'PUBLIC_URL is not set and HOST is beyond loopback: requests are taken under an IP address only, ' +
          'and under the names in ALLOWED_HOSTS; set PUBLIC_URL to the URL that clients use',
      ]
    : [];

/** The table of settings in docs/operating.md, in Markdown, from the same source that reads them. */
export const settingsTable = (): string =>
  [
    '| variable | default | meaning |',
    '|---|---|---|',
    ...Object.entries(settings).map(
      ([name, setting]) => `| \`${name}\` | ${setting.fallback} | ${setting.meaning} Takes ${setting.takes}. |`,
    ),
  ].join('\n');
