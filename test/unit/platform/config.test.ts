import { describe, expect, test } from 'vitest';
import {
  ConfigError,
  readConfig,
  settingsTable,
  warningsOf,
  type Config,
} from '../../../src/platform/settings/config.js';
import { settings } from '../../../src/platform/settings/settings.js';
import { STDIO_VARIABLES } from '../../../src/platform/settings/stdio-variables.js';
import { badSettings } from '../../cases/bad-settings.js';

const KEY = Buffer.alloc(32, 9).toString('base64');
const POSTGRES = 'postgres://toolgate:hunter2-secret@db.example:5432/toolgate';

const refusal = (env: Readonly<Record<string, string>>): ConfigError => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
};

describe('a wrong setting', () => {
  test('a wrong setting has at least 100 known forms', () => expect(badSettings.length).toBeGreaterThanOrEqual(100));

  test.each(badSettings)(
    '$name = $value is refused with what it takes, and its value is not shown',
    ({ name, value }) => {
      const error = refusal({ [name]: value });
      expect(error.lines).toEqual([`${name} takes ${settings[name].takes}`]);
      if (value.trim().length > 5) expect(error.message).not.toContain(value.trim());
    },
  );

  test('a wrong setting is told together with all the others, in the order of the table', () => {
    const first = new Map(badSettings.toReversed().map(({ name, value }) => [name, value]));
    const error = refusal(Object.fromEntries(first));
    expect(error.lines.map((line) => line.split(' ')[0])).toEqual(
      Object.keys(settings).filter((name) => first.has(name as never)),
    );
    expect(error.message).not.toMatch(/secret|hunter2/);
  });

  test('a wrong setting is told together with settings that are right alone but not with each other', () => {
    const { lines } = refusal({ PORT: 'x', ROLES: 'api' });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^PORT takes/);
    expect(lines[1]).toMatch(/^ROLES .*DATABASE_URL/);
  });

  test('brings no complaint about what depends on it', () => {
    expect(refusal({ ROLES: 'api', DATABASE_URL: 'mysql://hunter2-secret@db/x' }).lines).toEqual([
      `DATABASE_URL takes ${settings.DATABASE_URL.takes}`,
    ]);
  });

  test.each(Object.keys(settings))('%s: an empty value counts as absent', (name) => {
    expect(readConfig({ [name]: '' })).toEqual(readConfig({}));
  });
});

describe('settings that do not go together', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['ROLES without DATABASE_URL', { ROLES: 'gateway' }, /^ROLES .*DATABASE_URL/],
    ['DATABASE_URL without a master key', { DATABASE_URL: POSTGRES }, /^MASTER_KEY or MASTER_KEY_FILE is required/],
    [
      'two master keys',
      { MASTER_KEY: KEY, MASTER_KEY_FILE: '/run/secret-key' },
      /^MASTER_KEY and MASTER_KEY_FILE exclude/,
    ],
    [
      'a mail server without a sender',
      { SMTP_URL: 'smtp://user:hunter2-secret@mail.example' },
      /^MAIL_FROM is required with SMTP_URL/,
    ],
    [
      'ALLOW_STDIO open to everyone',
      { HOST: '0.0.0.0', SIGNUP: 'open', ALLOW_STDIO: '/usr/bin/secret-tool' },
      /^ALLOW_STDIO .*SIGNUP=open/,
    ],
    [
      'ALLOW_STDIO open to everyone behind a proxy on the same machine',
      { PUBLIC_URL: 'https://secret.example', SIGNUP: 'open', ALLOW_STDIO: '/usr/bin/secret-tool' },
      /^ALLOW_STDIO .*SIGNUP=open/,
    ],
    [
      'a mechanism without a user',
      { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'hunter2-secret' },
      /^KAFKA_SASL_MECHANISM needs/,
    ],
    [
      'a user without a mechanism',
      { KAFKA_SASL_USERNAME: 'secret-user', KAFKA_SASL_PASSWORD: 'hunter2-secret' },
      /^KAFKA_SASL_USERNAME .*need KAFKA_SASL_MECHANISM/,
    ],
    [
      'a certificate authority without TLS',
      { KAFKA_SSL_CA_FILE: '/etc/secret.pem' },
      /^KAFKA_SSL_CA_FILE needs KAFKA_SSL=true/,
    ],
  ];
  test.each(cases)('%s is refused without showing a value', (_name, env, line) => {
    const error = refusal(env);
    expect(error.lines).toEqual([expect.stringMatching(line)]);
    for (const value of Object.values(env).filter((text) => text.length > 6))
      expect(error.message).not.toContain(value);
  });

  test('ALLOW_STDIO goes with SIGNUP=open on a loopback HOST, and with a closed sign-up anywhere', () => {
    expect(readConfig({ ALLOW_STDIO: '/usr/bin/node' }).signup).toBe('open');
    expect(readConfig({ ALLOW_STDIO: '/usr/bin/node', HOST: '0.0.0.0' }).signup).toBe('first');
  });
});

test(
  'nothing set: one process of all roles on loopback, embedded, open to sign up, allowed to reach ' + 'loopback only',
  () => {
    const expected: Config = {
      port: 8080,
      host: '127.0.0.1',
      publicUrl: undefined,
      dataDir: './.toolgate',
      databaseUrl: undefined,
      kafka: undefined,
      partitions: 12,
      roles: new Set(['api', 'gateway', 'projector', 'streams'] as const),
      masterKey: undefined,
      masterKeyFile: undefined,
      logSigningKey: undefined,
      logSigningKeyFile: undefined,
      previousLogSigningKey: undefined,
      previousLogSigningKeyFile: undefined,
      mail: undefined,
      signup: 'open',
      upstreamAllow: ['127.0.0.0/8', '::1/128'],
      proxy: undefined,
      allowStdio: [],
      stdioVariables: STDIO_VARIABLES,
      stdioUser: undefined,
      stdioSandbox: 'auto',
      trustedProxies: [],
      allowedOrigins: [],
      allowedHosts: [],
      operators: [],
      upstreamTimeoutMs: 300_000,
      maxStalenessMs: 15_000,
      channelSessions: { perGrant: 32, perServer: 200, idleMs: 1_800_000 },
      calls: { perProcess: 16_384, perOrganization: 2048, perGrant: 256 },
      auditRetentionDays: 400,
      logRetentionDays: 7,
      deletionDelayDays: 30,
      boundToLoopback: true,
    };
    const config = readConfig({});
    expect(config).toEqual(expected);
    expect(Object.isFrozen(config)).toBe(true);
  },
);

describe('a default that depends on others', () => {
  test.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('HOST %s is loopback: sign-up is open', (HOST) =>
    expect(readConfig({ HOST })).toMatchObject({ boundToLoopback: true, signup: 'open' }),
  );
  test.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '127.example.com', 'localhost.example.com'])(
    'HOST %s is not loopback: only the first may sign up, and nothing private is reachable',
    (HOST) =>
      expect(readConfig({ HOST })).toMatchObject({ boundToLoopback: false, signup: 'first', upstreamAllow: [] }),
  );
  test('an outside database allows no private upstream, not even on a loopback HOST', () =>
    expect(readConfig({ DATABASE_URL: POSTGRES, MASTER_KEY: KEY })).toMatchObject({
      boundToLoopback: true,
      upstreamAllow: [],
      proxy: undefined,
    }));
});

describe('behind a proxy on the same machine', () => {
  test.each(['https://tools.example.com', 'http://10.0.0.1:8080', 'https://127.0.0.1.example.com'])(
    'PUBLIC_URL %s closes what a loopback HOST would open',
    (PUBLIC_URL) =>
      expect(readConfig({ PUBLIC_URL })).toMatchObject({ boundToLoopback: true, signup: 'first', upstreamAllow: [] }),
  );
  test.each(['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost:3000'])(
    'PUBLIC_URL %s is this machine still',
    (PUBLIC_URL) =>
      expect(readConfig({ PUBLIC_URL })).toMatchObject({ signup: 'open', upstreamAllow: ['127.0.0.0/8', '::1/128'] }),
  );
});

test('the start warns of a HOST beyond loopback without a PUBLIC_URL, and of nothing else', () => {
  expect(warningsOf(readConfig({ HOST: '0.0.0.0' }))).toEqual([expect.stringMatching(/^PUBLIC_URL is not set/)]);
  for (const env of [{}, { HOST: '0.0.0.0', PUBLIC_URL: 'https://tools.example.com' }])
    expect(warningsOf(readConfig(env))).toEqual([]);
});

test('every setting that is right is read', () => {
  const config = readConfig({
    PORT: '0',
    HOST: '::1',
    PUBLIC_URL: 'https://Tools.Example.com/',
    DATA_DIR: '/var/lib/toolgate',
    DATABASE_URL: POSTGRES,
    KAFKA_BROKERS: 'a.example:9092, 10.0.0.1:9093',
    KAFKA_PARTITIONS: '24',
    KAFKA_REPLICATION: '3',
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: '/etc/ca.pem',
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'toolgate',
    KAFKA_SASL_PASSWORD: 'hunter2-secret',
    ROLES: 'api, streams',
    MASTER_KEY: KEY,
    SMTP_URL: 'smtps://user:hunter2-secret@mail.example:465',
    MAIL_FROM: 'Toolgate <toolgate@example.com>',
    SIGNUP: 'closed',
    UPSTREAM_ALLOW: '10.0.0.0/8, 192.168.1.7,fd00::/8,::1',
    ALLOW_STDIO: '/usr/bin/node,/opt/tool',
    STDIO_ENV: 'MY_VALUE,MINE_*, *_OF_MINE',
    STDIO_USER: '1001:1002',
    STDIO_SANDBOX: 'required',
    TRUSTED_PROXIES: '10.1.2.3',
    ALLOWED_ORIGINS: 'https://A.example/,http://localhost:3000,tauri://localhost,vscode-webview://1a2b3c,app://.',
    ALLOWED_HOSTS: 'Tools.internal, 10.0.0.5,::1',
    OPERATORS: 'Ops@Example.com,second@example.com',
    UPSTREAM_TIMEOUT: '20',
    MAX_STALENESS_SECONDS: '5',
    MAX_CALLS: '100',
    MAX_CALLS_PER_ORGANIZATION: '50',
    MAX_CALLS_PER_GRANT: '10',
    MAX_SESSIONS_PER_GRANT: '3',
    MAX_SESSIONS_PER_SERVER: '4',
    SESSION_IDLE_MINUTES: '5',
    AUDIT_RETENTION_DAYS: '30',
    LOG_RETENTION_DAYS: '2',
  });
  expect(config).toEqual({
    port: 0,
    host: '::1',
    publicUrl: 'https://tools.example.com',
    dataDir: '/var/lib/toolgate',
    databaseUrl: POSTGRES,
    kafka: {
      brokers: ['a.example:9092', '10.0.0.1:9093'],
      replication: 3,
      ssl: true,
      caFile: '/etc/ca.pem',
      sasl: { mechanism: 'scram-sha-512', username: 'toolgate', password: 'hunter2-secret' },
    },
    partitions: 24,
    roles: new Set(['api', 'streams']),
    masterKey: KEY,
    masterKeyFile: undefined,
    logSigningKey: undefined,
    logSigningKeyFile: undefined,
    previousLogSigningKey: undefined,
    previousLogSigningKeyFile: undefined,
    mail: { url: 'smtps://user:hunter2-secret@mail.example:465', from: 'Toolgate <toolgate@example.com>' },
    signup: 'closed',
    upstreamAllow: ['10.0.0.0/8', '192.168.1.7/32', 'fd00::/8', '::1/128'],
    proxy: undefined,
    allowStdio: ['/usr/bin/node', '/opt/tool'],
    stdioVariables: ['MY_VALUE', 'MINE_*', '*_OF_MINE'],
    stdioUser: { uid: 1001, gid: 1002 },
    stdioSandbox: 'required',
    trustedProxies: ['10.1.2.3/32'],
    allowedOrigins: [
      'https://a.example',
      'http://localhost:3000',
      'tauri://localhost',
      'vscode-webview://1a2b3c',
      'app://.',
    ],
    allowedHosts: ['tools.internal', '10.0.0.5', '::1'],
    operators: ['ops@example.com', 'second@example.com'],
    upstreamTimeoutMs: 20_000,
    maxStalenessMs: 5000,
    calls: { perProcess: 100, perOrganization: 50, perGrant: 10 },
    channelSessions: { perGrant: 3, perServer: 4, idleMs: 300_000 },
    auditRetentionDays: 30,
    logRetentionDays: 2,
    deletionDelayDays: 30,
    boundToLoopback: true,
  });
});

test('the table of settings in docs/operating.md has one row for every setting', () => {
  const rows = settingsTable().split('\n').slice(2);
  expect(rows.map((row) => /^\| `(\w+)` \|/.exec(row)?.[1])).toEqual(Object.keys(settings));
  for (const row of rows) expect(row.split('|')).toHaveLength(5);
});
