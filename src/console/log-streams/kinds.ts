import type { components } from '../api/schema.js';
import { streamText } from '../text/log-streams.js';

export type StreamKind = components['schemas']['LogStreamView']['kind'];
export type FieldName = keyof typeof streamText.fields;

/** A field of a kind's settings. A secret is typed as a password, and never shown again. */
export type KindField = Readonly<{ name: FieldName; isRequired?: boolean; isSecret?: boolean; example?: string }>;

const url = (example: string): KindField => ({ name: 'url', isRequired: true, example });
const authorization: KindField = { name: 'authorization', isSecret: true };

/** What the form of each kind asks for; docs/log-streams.md has all that the API takes. */
export const KIND_FIELDS: Readonly<Record<StreamKind, readonly KindField[]>> = {
  webhook: [url('https://receiver.example.com/toolgate'), authorization],
  http: [url('https://receiver.example.com/ingest'), authorization],
  splunk_hec: [
    url('https://splunk.example.com:8088'),
    { name: 'token', isRequired: true, isSecret: true },
    { name: 'index', example: 'main' },
  ],
  syslog: [
    { name: 'host', isRequired: true, example: 'logs.example.com' },
    { name: 'port', isRequired: true, example: '6514' },
  ],
  otlp: [url('https://collector.example.com:4318'), authorization],
  elastic: [
    url('https://es.example.com:9200'),
    { name: 'dataStream', isRequired: true, example: 'logs-toolgate.audit-default' },
    { name: 'apiKey', isSecret: true },
  ],
  datadog: [
    { name: 'site', isRequired: true, example: 'datadoghq.eu' },
    { name: 'apiKey', isRequired: true, isSecret: true },
  ],
  s3: [
    { name: 'bucket', isRequired: true, example: 'my-audit' },
    { name: 'region', isRequired: true, example: 'eu-central-1' },
    { name: 'prefix', example: 'toolgate' },
    { name: 'accessKeyId', isRequired: true },
    { name: 'secretAccessKey', isRequired: true, isSecret: true },
  ],
  kafka: [
    { name: 'brokers', isRequired: true, example: 'kafka-1.example.com:9093, kafka-2.example.com:9093' },
    { name: 'topic', isRequired: true, example: 'siem.toolgate' },
    { name: 'username' },
    { name: 'password', isSecret: true },
  ],
};

type Typed = Readonly<Partial<Record<FieldName, string>>>;

const kafkaOf = ({ brokers = '', topic = '', username = '', password = '' }: Typed): Record<string, unknown> => ({
  brokers: brokers
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== ''),
  topic,
  ...(username !== '' && { sasl: { mechanism: 'scram-sha-512', username, password } }),
  tls: true,
});

/** The settings of a kind, from what was typed; what was left empty is left out. */
export function configOf(kind: StreamKind, typed: Typed): Record<string, unknown> {
  if (kind === 'kafka') return kafkaOf(typed);
  const config: Record<string, unknown> = {};
  for (const { name } of KIND_FIELDS[kind]) {
    const value = typed[name]?.trim() ?? '';
    if (value === '') continue;
    if (name === 'authorization') config['headers'] = { Authorization: value };
    else config[name] = name === 'port' ? Number(value) : value;
  }
  return config;
}
