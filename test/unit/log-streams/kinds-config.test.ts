import { describe, expect, test } from 'vitest';
import {
  readFields,
  secretsOf,
  showConfig,
  type ConfigFields,
} from '../../../src/record/log-streams/config/config-fields.js';
import type { KindName } from '../../../src/record/log-streams/kind.js';
import { kinds } from '../../../src/record/log-streams/kinds/kinds.js';

type Detail = Readonly<{ pointer: string }>;
type Config = Readonly<Record<string, unknown>>;
type Whole = Readonly<{ fields: ConfigFields<Config>; check?: (config: Config) => readonly Detail[] }>;

const SECRET = 'S3CRET-of-the-customer';
const HTTPS = 'https://receiver.example';

/** The members that the contract of a kind names, all of them; those that are secret hold SECRET. */
const WHOLE: Readonly<Partial<Record<KindName, Config>>> = {
  splunk_hec: { url: HTTPS, token: SECRET, index: 'main', source: 'a', sourcetype: 'b', acknowledge: true },
  syslog: { host: 'logs.example', port: 6514, tls: false, body: 'cef' },
  elastic: { url: HTTPS, dataStream: 'logs-a.b-default', username: 'elastic', password: SECRET },
  datadog: { site: 'datadoghq.eu', apiKey: SECRET, service: 'a', tags: ['env:prod'] },
  s3: {
    bucket: 'my-audit',
    region: 'eu-central-1',
    prefix: 'a/b=c',
    endpoint: HTTPS,
    pathStyle: true,
    accessKeyId: SECRET,
    secretAccessKey: SECRET,
    maxWaitSeconds: 5,
  },
  kafka: {
    brokers: ['a.example:9092', '[2001:db8::1]:9093'],
    topic: 'siem.toolgate',
    sasl: { mechanism: 'scram-sha-512', username: 'u', password: SECRET },
    tls: true,
  },
};

const kindOf = (name: string): Whole => kinds[name as KindName] as unknown as Whole;

const wrongIn = (name: string, config: unknown): readonly string[] => {
  const wrong: Detail[] = [];
  const { fields, check } = kindOf(name);
  const read = readFields(fields, config, { at: '/config', wrong: (detail) => wrong.push(detail) });
  return (wrong.length > 0 ? wrong : (check?.(read) ?? [])).map(({ pointer }) => pointer);
};

describe.each(Object.entries(WHOLE))('a config of %s', (name, whole) => {
  test('takes every member, and shows and lists its secrets as such', () => {
    expect(wrongIn(name, whole)).toEqual([]);
    const { fields } = kindOf(name);
    const config = readFields(fields, whole, { at: '', wrong: () => expect.unreachable() });
    expect(JSON.stringify(showConfig(fields, config))).not.toContain(SECRET);
    if (JSON.stringify(whole).includes(SECRET)) expect(secretsOf(fields, config)).toContain(SECRET);
    expect(Object.keys(showConfig(fields, config)).sort()).toEqual(Object.keys(whole).sort());
  });

  test('refuses a member that it does not know, and a member of another type, by its pointer', () => {
    expect(wrongIn(name, { ...whole, caFile: '/etc/ssl/ca.pem' })).toEqual(['/config/caFile']);
    for (const member of Object.keys(whole).filter((one) => one !== 'tls'))
      for (const value of [{}, 12.5, '', 'a\nb', []]) {
        const wrong = wrongIn(name, { ...whole, [member]: value });
        expect(wrong).not.toEqual([]);
        expect(wrong.filter((at) => !at.startsWith(`/config/${member}`))).toEqual([]);
      }
  });
});

describe('a config that is wrong in itself', () => {
  test.each([
    ['elastic', { url: HTTPS, dataStream: 'logs' }, '/config/apiKey'],
    ['elastic', { url: HTTPS, dataStream: 'logs', apiKey: 'a', username: 'b', password: 'c' }, '/config/apiKey'],
    ['elastic', { url: HTTPS, dataStream: '../_all', apiKey: 'a' }, '/config/dataStream'],
    ['elastic', { url: HTTPS, dataStream: 'Logs', apiKey: 'a' }, '/config/dataStream'],
    ['datadog', { apiKey: 'a' }, '/config/site'],
    ['datadog', { apiKey: 'a', site: 'datadoghq.com', url: HTTPS }, '/config/site'],
    ['datadog', { apiKey: 'a', site: 'evil.example/x?' }, '/config/site'],
    ['s3', { ...WHOLE.s3, prefix: 'a/../b' }, '/config/prefix'],
    ['s3', { ...WHOLE.s3, bucket: 'a/b' }, '/config/bucket'],
    ['s3', { ...WHOLE.s3, region: 'x.evil.example' }, '/config/region'],
    ['s3', { ...WHOLE.s3, maxWaitSeconds: 0 }, '/config/maxWaitSeconds'],
    ['kafka', { ...WHOLE.kafka, topic: '..' }, '/config/topic'],
    ['kafka', { ...WHOLE.kafka, brokers: ['a.example'] }, '/config/brokers/0'],
    ['kafka', { ...WHOLE.kafka, brokers: [] }, '/config/brokers'],
    ['syslog', { host: 'a b', port: 1 }, '/config/host'],
    ['syslog', { host: 'a', port: 65_536 }, '/config/port'],
    ['syslog', { host: 'a', port: 1, tls: true }, '/config/tls'],
    ['syslog', { host: 'a', port: 1, tls: { ca: '/etc/ca.pem' } }, '/config/tls/ca'],
    ['splunk_hec', { url: HTTPS, token: 'a\r\nX: y' }, '/config/token'],
  ])('of %s: %j is refused at %s', (name, config, pointer) => {
    expect(wrongIn(name, config)).toEqual([pointer]);
  });
});
