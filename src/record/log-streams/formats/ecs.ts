import { isIP } from 'node:net';
import { MAX_RECORD_BYTES } from '../../event-log/record-size.js';
import { cutText, wellFormedJson } from './bounded-text.js';
import { countAt, factsOf, objectAt, otherMembers, requestIdOf, textAt, type RecordFacts } from './facts.js';
import type { Format } from './format.js';
import type { Activity, Level, Subject } from '../../event-log/events/meaning.js';
import { present } from './ocsf-objects.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PRODUCT } from './product.js';

type Members = Readonly<Record<string, unknown>>;

const ECS_VERSION = '9.5.0';
/** The longest keyword that Elasticsearch's own mapping of `labels` indexes. */
const MAX_LABEL_LENGTH = 1024;

const CATEGORIES: Readonly<Partial<Record<Subject, readonly string[]>>> = {
  call: ['api'],
  signIn: ['authentication'],
  member: ['iam'],
  identity: ['iam'],
  invitation: ['iam'],
  apiKey: ['iam'],
  grant: ['iam'],
  organization: ['iam'],
  session: ['session'],
  auditLog: ['database'],
  gateway: ['process'],
};
/** Types that the categories above take; `configuration` takes those of everything else. */
const TYPES: Readonly<Record<Activity, string>> = {
  create: 'creation',
  read: 'access',
  update: 'change',
  delete: 'deletion',
  enable: 'change',
  disable: 'change',
  start: 'start',
  stop: 'end',
  signIn: 'start',
  signOut: 'end',
  setPassword: 'change',
  resetPassword: 'change',
  find: 'info',
  resolve: 'info',
  other: 'info',
};
const SEVERITIES: Readonly<Record<Level, number>> = { info: 1, low: 2, medium: 3, high: 4 };

const categoriesOf = ({ meaning }: RecordFacts): readonly string[] | undefined => {
  if (meaning.subject === 'other') return undefined;
  if (meaning.subject === 'hold') return ['api'];
  return CATEGORIES[meaning.subject] ?? ['configuration'];
};

const typesOf = ({ meaning, event }: RecordFacts): readonly string[] => {
  const { subject, activity } = meaning;
  if (subject === 'call') {
    const effect = textAt(event, 'effect');
    if (effect === 'allow') return ['allowed'];
    if (effect === 'deny') return ['denied'];
    return effect === 'hold' ? ['info'] : ['end'];
  }
  if (subject === 'session' && activity === 'delete') return ['end'];
  const isPerson = subject === 'member' || subject === 'identity' || subject === 'invitation';
  return isPerson ? ['user', TYPES[activity]] : [TYPES[activity]];
};

const isAlert = ({ meaning }: RecordFacts): boolean => meaning.subject === 'record' || meaning.activity === 'find';

const eventFields = (facts: RecordFacts): Members => {
  const { record, event, result } = facts;
  const durationMs = countAt(event, 'durationMs');
  return present({
    id: record.eventId,
    sequence: record.seq,
    kind: isAlert(facts) ? 'alert' : 'event',
    category: categoriesOf(facts),
    type: typesOf(facts),
    action: record.type,
    outcome: result.outcome,
    code: result.code,
    reason: result.reason,
    severity: SEVERITIES[result.level],
    module: 'toolgate',
    dataset: 'toolgate.audit',
    created: new Date(facts.recordedMs).toISOString(),
    duration: durationMs === undefined ? undefined : durationMs * 1_000_000,
  });
};

const userFields = (facts: RecordFacts): Members | undefined => {
  const { actor, event, meaning } = facts;
  const email = actor?.name?.includes('@') ? actor.name : undefined;
  const isAboutAccount = meaning.subject === 'member' || meaning.subject === 'identity';
  const target = isAboutAccount
    ? present({
        id: textAt(event, 'userId') ?? textAt(event, 'identityId'),
        email: textAt(event, 'email'),
        name: textAt(event, 'name'),
      })
    : undefined;
  const user = present({
    id: actor?.id,
    name: actor?.name,
    email,
    target: target && Object.keys(target).length > 0 ? target : undefined,
  });
  return Object.keys(user).length > 0 ? user : undefined;
};

/** A member of the event as a label: labels are flat, and hold one keyword each. */
const labelOf = (value: unknown): string | number | boolean | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return cutText(typeof value === 'string' ? value : JSON.stringify(value), MAX_LABEL_LENGTH);
};

/** Names hold no dot, which makes an object in Elasticsearch. */
const labelsOf = ({ callId, event, schemaVersion }: RecordFacts): Members => {
  const others = otherMembers(event);
  const labels: Record<string, unknown> = {};
  for (const name of Object.keys(others)) {
    const label = labelOf(others[name]);
    if (label !== undefined) labels[name.replaceAll('.', '_')] = label;
  }
  labels['schemaVersion'] = schemaVersion;
  if (callId !== undefined) labels['callId'] = callId;
  return labels;
};

const callFields = ({ event, callId, meaning }: RecordFacts): Members => {
  if (meaning.subject !== 'call' && meaning.subject !== 'hold') return {};
  const client = objectAt(event, 'client');
  const [requestId, method] = [requestIdOf(event), textAt(event, 'method')];
  const upstreamStatus = countAt(event, 'upstreamStatus');
  const isCall = method === undefined || method === 'tools/call';
  return {
    gen_ai: present({
      operation: isCall ? { name: 'execute_tool' } : undefined,
      tool: present({
        name: isCall ? textAt(event, 'tool') : undefined,
        call: callId === undefined ? undefined : { id: callId },
      }),
      agent: client && present({ name: textAt(client, 'name') }),
    }),
    http: present({
      request: requestId === undefined ? undefined : { id: requestId },
      response: upstreamStatus === undefined ? undefined : { status_code: upstreamStatus },
    }),
  };
};

const ruleFields = ({ event }: RecordFacts): Members | undefined => {
  const version = countAt(event, 'policyVersion');
  const rule = present({
    id: textAt(event, 'policyId'),
    name: textAt(event, 'rule'),
    version: version === undefined ? undefined : String(version),
  });
  return Object.keys(rule).length > 0 ? rule : undefined;
};

const toDocument = (record: OutgoingRecord): Members => {
  const facts = factsOf(record);
  const { event, sourceIp, actor } = facts;
  const [serverId, traceId] = [textAt(event, 'serverId'), textAt(event, 'traceId')];
  return present({
    '@timestamp': new Date(facts.timeMs).toISOString(),
    ecs: { version: ECS_VERSION },
    message: facts.message,
    event: eventFields(facts),
    organization: { id: record.organizationId },
    user: userFields(facts),
    source: sourceIp === undefined ? undefined : { address: sourceIp, ...(isIP(sourceIp) && { ip: sourceIp }) },
    related: present({
      ip: sourceIp !== undefined && isIP(sourceIp) ? [sourceIp] : undefined,
      user: actor === undefined ? undefined : [actor.id, ...(actor.name === undefined ? [] : [actor.name])],
    }),
    service: serverId === undefined ? undefined : present({ id: serverId, name: textAt(event, 'serverName') }),
    rule: ruleFields(facts),
    trace: traceId === undefined ? undefined : { id: traceId },
    ...callFields(facts),
    observer: { vendor: PRODUCT.vendor, product: PRODUCT.name, version: PRODUCT.version, type: 'proxy' },
    labels: labelsOf(facts),
    // A field of our own, in test events alone.
    toolgate: record.isTest ? { test: true } : undefined,
  });
};

const isShort = (document: Members): boolean => Buffer.byteLength(wellFormedJson(document)) <= MAX_RECORD_BYTES;

const toBoundedDocument = (record: OutgoingRecord): Members => {
  const document = toDocument(record);
  if (isShort(document)) return document;
  const { callId, schemaVersion } = document['labels'] as Members;
  return { ...document, labels: present({ callId, schemaVersion, truncated: true }) };
};

/**
 * Elastic Common Schema 9.5. Members of the event are under `labels` beside their ECS fields: lists and objects as
 * JSON, long values cut.
 */
export const ecs: Format = {
  name: 'ecs',
  mappingVersions: ['1'],
  isJson: true,
  format: (record) => wellFormedJson(toBoundedDocument(record)),
  toObject: toBoundedDocument,
};
