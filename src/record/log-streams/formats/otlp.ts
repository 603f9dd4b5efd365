import { MAX_RECORD_BYTES } from '../../event-log/record-size.js';
import { wellFormed, wellFormedJson } from './bounded-text.js';
import { countAt, factsOf, objectAt, otherMembers, requestIdOf, textAt, type RecordFacts } from './facts.js';
import type { Format } from './format.js';
import type { Level } from '../../event-log/events/meaning.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PRODUCT } from './product.js';

type Members = Readonly<Record<string, unknown>>;

/** A value of an attribute in OTLP/JSON; 64-bit integers are texts there. */
export type OtlpValue =
  Readonly<{ stringValue: string }> | Readonly<{ intValue: string }> | Readonly<{ boolValue: boolean }>;
export type OtlpAttribute = Readonly<{ key: string; value: OtlpValue }>;

/** A `LogRecord` of OTLP 1.x as its JSON encoding has it: times are texts of nanoseconds, ids are hexadecimal. */
export type OtlpLogRecord = Readonly<{
  timeUnixNano: string;
  observedTimeUnixNano: string;
  severityNumber: number;
  severityText: string;
  eventName: string;
  body: OtlpValue;
  attributes: readonly OtlpAttribute[];
  traceId?: string;
}>;

const SEVERITIES: Readonly<Record<Level, readonly [number, string]>> = {
  info: [9, 'INFO'],
  low: [13, 'WARN'],
  medium: [13, 'WARN'],
  high: [17, 'ERROR'],
};

const nanoseconds = (ms: number): string => `${Math.trunc(ms)}000000`;

const valueOf = (value: unknown): OtlpValue | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { intValue: String(value) };
  return { stringValue: wellFormed(typeof value === 'string' ? value : JSON.stringify(value)) };
};

const attributesOf = (values: Members): readonly OtlpAttribute[] => {
  const attributes: OtlpAttribute[] = [];
  for (const key of Object.keys(values)) {
    const value = valueOf(values[key]);
    if (value !== undefined) attributes.push({ key, value });
  }
  return attributes;
};

const conventions = ({ event, actor, sourceIp, meaning }: RecordFacts): Members => {
  const client = objectAt(event, 'client');
  const method = textAt(event, 'method');
  const isTool = meaning.subject === 'call' && (method === undefined || method === 'tools/call');
  return {
    'user.id': actor?.id,
    'user.name': actor?.name,
    'client.address': sourceIp,
    'gen_ai.operation.name': isTool ? 'execute_tool' : undefined,
    'gen_ai.tool.name': isTool ? textAt(event, 'tool') : undefined,
    'gen_ai.agent.name': client && textAt(client, 'name'),
    'mcp.method.name': method,
    'mcp.session.id': textAt(event, 'sessionId'),
    'mcp.protocol.version': textAt(event, 'protocolVersion'),
    'jsonrpc.request.id': requestIdOf(event),
    'http.response.status_code': countAt(event, 'upstreamStatus'),
  };
};

const TRACE_ID = /^[0-9a-f]{32}$/;

/** The attributes that every record has, and those of a test event. */
const marksOf = ({ record, callId, schemaVersion, result }: RecordFacts): Members => ({
  'log.record.uid': record.eventId,
  'toolgate.seq': record.seq,
  'toolgate.organizationId': record.organizationId,
  'toolgate.callId': callId,
  'toolgate.schemaVersion': schemaVersion,
  'toolgate.outcome': result.outcome,
  'toolgate.test': record.isTest ? true : undefined,
});

const ownMembers = ({ event }: RecordFacts): Record<string, unknown> => {
  const others = otherMembers(event);
  const own: Record<string, unknown> = {};
  for (const name of Object.keys(others)) own[`toolgate.${name}`] = others[name];
  return own;
};

/** The log record of a record. Members of the event are attributes `toolgate.…`: lists and objects as JSON. */
export const toLogRecord = (record: OutgoingRecord): OtlpLogRecord => {
  const facts = factsOf(record);
  const [severityNumber, severityText] = SEVERITIES[facts.result.level];
  const traceId = textAt(facts.event, 'traceId');
  const made = (attributes: Members): OtlpLogRecord => ({
    timeUnixNano: nanoseconds(facts.timeMs),
    observedTimeUnixNano: nanoseconds(facts.recordedMs),
    severityNumber,
    severityText,
    eventName: wellFormed(record.type),
    body: { stringValue: wellFormed(facts.message) },
    attributes: attributesOf(attributes),
    ...(traceId !== undefined && TRACE_ID.test(traceId) && { traceId }),
  });
  const essential = { ...marksOf(facts), ...conventions(facts) };
  const whole = made(Object.assign(ownMembers(facts), essential));
  return Buffer.byteLength(JSON.stringify(whole)) <= MAX_RECORD_BYTES
    ? whole
    : made({ ...essential, 'toolgate.truncated': true });
};

/** The resource that all log records of an organization belong to, as OTLP/JSON. */
export const otlpResource = (organizationId: string): Readonly<{ attributes: readonly OtlpAttribute[] }> => ({
  attributes: attributesOf({
    'service.name': 'toolgate',
    'service.version': PRODUCT.version,
    'toolgate.tenant.id': organizationId,
  }),
});

/** The scope of all log records, as OTLP/JSON. */
export const OTLP_SCOPE = { name: 'toolgate.audit', version: PRODUCT.version } as const;

/** The log record of OpenTelemetry, in the JSON encoding of OTLP. */
export const otlp: Format = {
  name: 'otlp',
  mappingVersions: ['1'],
  isJson: true,
  format: (record) => wellFormedJson(toLogRecord(record)),
  toObject: toLogRecord,
};
