import type { settings } from '../../src/platform/settings.js';

type Name = keyof typeof settings;

const values: Readonly<Partial<Record<Name, readonly string[]>>> = {
  PORT: ['secret-port', '-1', '65536', '8080.5', '0x1F90', '1e3', ' 8080', '8080 ', '+8080', '99999999999'],
  HOST: ['secret host', 'http://secret.example', 'secret.example:8080', '[::1]', '127.0.0.300', '1.2.3', '10', 'secret/host', '-.secret..example', `${'a'.repeat(64)}.secret`],
  PUBLIC_URL: ['secret.example', 'ftp://secret.example', 'https://secret.example/path', 'https://user:hunter2-secret@secret.example', 'https://:hunter2-secret@secret.example', 'https://secret.example?x=1', 'https://secret.example#x', 'https:secret.example', ' https://secret.example', 'https:\\\\secret.example'],
  DATABASE_URL: ['secret-database', 'mysql://root:hunter2-secret@db/x', 'postgres:hunter2-secret', 'postgres:///hunter2-secret', ' postgres://u:hunter2-secret@db/x', 'postgres://u:hunter2 secret@db/x', 'postgres://u:hunter2-secret@db:port/x', 'http://u:hunter2-secret@db/x', 'postgres://u:hunter2-secret@db/x?options=-c%20role%3Dpostgres'],
  KAFKA_BROKERS: ['secret-broker', 'secret-broker:', ':9092', 'secret-broker:0', 'secret-broker:65536', 'secret-broker:9092,', 'secret-broker:9092;other:9092', 'kafka://secret-broker:9092', '[::1]:9092', 'secret broker:9092', 'u:hunter2-secret@broker:9092'],
  KAFKA_PARTITIONS: ['0', '1001', '-12', 'secret-many', '12.0'],
  KAFKA_REPLICATION: ['0', '10', 'secret-three'],
  KAFKA_SSL: ['yes', '1', 'TRUE', 'secret-true'],
  KAFKA_SSL_CA_FILE: ['\n', 'secret\nfile'],
  KAFKA_SASL_MECHANISM: ['PLAIN', 'scram', 'oauthbearer', 'plain '],
  KAFKA_SASL_USERNAME: ['secret\nuser'],
  KAFKA_SASL_PASSWORD: ['hunter2\nsecret'],
  ROLES: ['secret-role', 'api,secret-role', 'all,api', 'api,', 'API', 'api gateway', ','],
  MASTER_KEY: ['hunter2-secret', Buffer.alloc(31, 1).toString('base64'), Buffer.alloc(33, 1).toString('base64'), Buffer.alloc(32, 1).toString('hex'), `${Buffer.alloc(32, 1).toString('base64')}\n`, `${'!'.repeat(43)}=`],
  MASTER_KEY_FILE: ['secret\nfile'],
  SMTP_URL: ['secret-host', 'http://u:hunter2-secret@mail.example', 'smtp:u:hunter2-secret', 'smtp:///hunter2-secret', ' smtp://u:hunter2-secret@mail.example', 'smtp://u:hunter2 secret@mail.example', 'smtps://u:hunter2-secret@mail.example:port'],
  MAIL_FROM: ['secret', '@secret.example', 'a@secret.example, b@secret.example', 'A <a@secret.example', 'a@secret.example\nBcc: b@secret.example', '"A" <a@secret.example>'],
  SIGNUP: ['secret-word', 'Open', 'open,first', 'true'],
  UPSTREAM_ALLOW: ['secret-range', '10.0.0.0/33', '10/8', '10.0.0.0/', '010.0.0.0/8', '::1/129', 'fe80::1%secret', '10.0.0.0/8/8', '10.0.0.0/8,,::1', '10.0.0.0/8;secret', '10.0.0.0/-1', '0x0a000000/8', '*'],
  ALLOW_STDIO: ['secret-command', './secret-command', '/bin/sh,secret-command', '~/secret-command'],
  STDIO_ENV: ['secret-name', 'A*B', '*A*', 'A B', 'A=secret', '1A', 'A,,B'],
  STDIO_USER: ['root', '0', '0:1001', '1001:0', '65534', 'secret-user', '1001:', '-1', '1001:1001:1'],
  STDIO_SANDBOX: ['on', 'true', 'secret-word', 'AUTO'],
  TRUSTED_PROXIES: ['secret-proxy', 'true', 'loopback', '10.0.0.0/40', '1', '10.0.0.1:80'],
  ALLOWED_ORIGINS: ['*', 'null', 'secret.example', 'https://secret.example/path', 'https://*.secret.example', 'https://a.example,', 'app://*', 'app://secret/path', 'app://', 'http:secret', '://secret', 'app://hunter2-secret@secret'],
  ALLOWED_HOSTS: ['*', 'secret.example:8080', 'https://secret.example', '*.secret.example', '[::1]', 'secret host', 'a.example,', '10.0.0.0/8'],
  OPERATORS: ['secret', '@secret.example', 'a@secret.example;b@secret.example', '<a@secret.example>', 'a@secret.example,'],
  UPSTREAM_TIMEOUT: ['0', '86401', '-5', '1.5', 'secret-seconds', '300s'],
  MAX_STALENESS_SECONDS: ['0', '3601', 'secret-seconds', 'Infinity'],
  AUDIT_RETENTION_DAYS: ['0', '36501', 'secret-days', '-1'],
  LOG_RETENTION_DAYS: ['0', '3651', 'secret-days', '7d'],
};

/** One wrong value of one setting in each row; those that hold a secret say `secret` or `hunter2`. */
export const badSettings: readonly Readonly<{ name: Name; value: string }>[] = Object.entries(values).flatMap(([name, list]) => list.map((value) => ({ name: name as Name, value })));
