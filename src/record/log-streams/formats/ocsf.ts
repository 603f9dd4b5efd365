import { MAX_RECORD_BYTES } from '../../event-log/record-size.js';
import { wellFormedJson } from './bounded-text.js';
import { addOtherMembers, countAt, factsOf, requestIdOf, textAt, type RecordFacts } from './facts.js';
import type { Format } from './format.js';
import { activityIdOf, classOf, dispositionOf, SEVERITIES, type OcsfClass } from './ocsf-classes.js';
import {
  accountObject,
  actorObject,
  entityObject,
  policyObject,
  present,
  resourcesOf,
  sourceEndpoint,
} from './ocsf-objects.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PRODUCT } from './product.js';

type Members = Readonly<Record<string, unknown>>;
type Event = Members & Readonly<{ metadata: Members; unmapped: Readonly<{ toolgate: Members }> }>;

const SCHEMA_VERSION = '1.8.0';
const PLACED_IN_ENTITIES: readonly string[] = ['before', 'after'];
const STATUSES = {
  success: { status_id: 1, status: 'Success' },
  failure: { status_id: 2, status: 'Failure' },
  unknown: { status_id: 0, status: 'Unknown' },
} as const;
const FINDING_STATUSES = {
  find: { status_id: 1, status: 'New' },
  resolve: { status_id: 4, status: 'Resolved' },
} as const;

const apiActivity = (facts: RecordFacts): Members => {
  const { event, result } = facts;
  const method = textAt(event, 'method') ?? 'tools/call';
  const requestId = requestIdOf(event) ?? facts.callId;
  const trace = textAt(event, 'traceId');
  const rule = textAt(event, 'rule');
  const upstreamStatus = countAt(event, 'upstreamStatus');
  const effect = textAt(event, 'effect');
  const isApproved = effect === 'allow' && textAt(event, 'approvalId') !== undefined;
  return present({
    activity_name: 'Tool Call',
    actor: actorObject(facts),
    api: present({
      operation: method,
      version: textAt(event, 'protocolVersion'),
      request: requestId === undefined ? undefined : { uid: requestId },
      response: upstreamStatus === undefined ? undefined : { code: upstreamStatus },
      service: present({ uid: textAt(event, 'serverId'), name: textAt(event, 'serverName') }),
    }),
    src_endpoint: sourceEndpoint(facts),
    resources: resourcesOf(event),
    ...dispositionOf(effect, result.code, isApproved),
    policy: policyObject(event),
    firewall_rule: rule === undefined ? undefined : { uid: rule },
    is_alert: result.level === 'medium' || result.level === 'high',
    trace: trace === undefined ? undefined : { uid: trace },
    duration: countAt(event, 'durationMs'),
  });
};

const authentication = (facts: RecordFacts): Members =>
  present({
    actor: actorObject(facts),
    src_endpoint: sourceEndpoint(facts),
    user: accountObject(facts),
    service: { name: PRODUCT.name },
    session: textAt(facts.event, 'sessionId') === undefined ? undefined : { uid: textAt(facts.event, 'sessionId') },
    is_remote: true,
    count: countAt(facts.event, 'count'),
  });

const accountChange = (facts: RecordFacts): Members => ({
  actor: actorObject(facts),
  src_endpoint: sourceEndpoint(facts),
  user: accountObject(facts),
});

const entityManagement = (facts: RecordFacts): Members => {
  const { before, after } = facts.event;
  return present({
    actor: actorObject(facts),
    src_endpoint: sourceEndpoint(facts),
    entity: entityObject(facts, before),
    entity_result: after === undefined ? undefined : entityObject(facts, after),
    comment: facts.result.reason,
  });
};

const detectionFinding = (facts: RecordFacts): Members => {
  const { event, meaning, record, timeMs } = facts;
  const isHold = meaning.subject === 'hold';
  return present({
    ...FINDING_STATUSES[meaning.activity === 'resolve' ? 'resolve' : 'find'],
    finding_info: {
      uid: textAt(event, 'approvalId') ?? record.eventId,
      title: meaning.title,
      desc: facts.message,
      types: [isHold ? 'Policy' : 'Audit'],
      created_time: timeMs,
      data_sources: [PRODUCT.name],
    },
    is_alert: facts.result.level !== 'info',
    evidences: facts.actor === undefined ? undefined : [{ actor: actorObject(facts) }],
    resources: resourcesOf(event),
  });
};

const builders: Readonly<Record<number, (facts: RecordFacts) => Members>> = {
  6003: apiActivity,
  3002: authentication,
  3001: accountChange,
  3004: entityManagement,
  2004: detectionFinding,
};

const metadataOf = (facts: RecordFacts, { profiles }: OcsfClass): Members => {
  const { record, event } = facts;
  return present({
    version: SCHEMA_VERSION,
    product: { name: PRODUCT.name, vendor_name: PRODUCT.vendor, version: PRODUCT.version },
    profiles,
    uid: record.eventId,
    sequence: record.seq,
    tenant_uid: record.organizationId,
    correlation_uid: facts.callId,
    event_code: record.type,
    log_name: 'toolgate.audit',
    log_version: String(facts.schemaVersion),
    logged_time: facts.recordedMs,
    original_time: textAt(event, 'time'),
  });
};

/** What has no place of its own: all members of the event but those that every format places, and two marks. */
const unmappedOf = ({ record, event, schemaVersion, callId }: RecordFacts, { classUid }: OcsfClass): Members => {
  const unmapped: Record<string, unknown> = callId === undefined ? { schemaVersion } : { callId, schemaVersion };
  addOtherMembers(unmapped, event, PLACED_IN_ENTITIES);
  if (classUid !== 3004) for (const name of PLACED_IN_ENTITIES) if (name in event) unmapped[name] = event[name];
  if (record.isTest) unmapped['test'] = true;
  return unmapped;
};

const toEvent = (record: OutgoingRecord): Event => {
  const facts = factsOf(record);
  const { meaning, result } = facts;
  const ocsfClass = classOf(meaning);
  const { categoryUid, classUid } = ocsfClass;
  const activityId = activityIdOf(ocsfClass, meaning);
  return {
    activity_id: activityId,
    activity_name: meaning.title,
    category_uid: categoryUid,
    class_uid: classUid,
    class_name: ocsfClass.name,
    type_uid: classUid * 100 + activityId,
    ...SEVERITIES[result.level],
    time: facts.timeMs,
    message: facts.message,
    ...STATUSES[result.outcome],
    ...(result.code !== undefined && { status_code: result.code }),
    ...(result.reason !== undefined && { status_detail: result.reason }),
    ...builders[classUid]?.(facts),
    metadata: metadataOf(facts, ocsfClass),
    unmapped: { toolgate: unmappedOf(facts, ocsfClass) },
  };
};

/** The event without what has no place of its own, for one that would be too long with it; it says so. */
const truncated = (event: Event, bytes: number): Event => {
  const { callId, schemaVersion, test } = event.unmapped.toolgate;
  const { entity, entity_result: _result, ...rest } = event as Event & Readonly<{ entity?: Members }>;
  const { data: _data, ...named } = entity ?? {};
  return {
    ...rest,
    ...(entity === undefined ? {} : { entity: named }),
    metadata: { ...event.metadata, is_truncated: true, untruncated_size: bytes },
    unmapped: { toolgate: present({ callId, schemaVersion, test }) },
  };
};

const toBoundedEvent = (record: OutgoingRecord): Event => {
  const event = toEvent(record);
  const bytes = Buffer.byteLength(wellFormedJson(event));
  return bytes <= MAX_RECORD_BYTES ? event : truncated(event, bytes);
};

const toText = (record: OutgoingRecord): string => {
  const event = toEvent(record);
  const text = wellFormedJson(event);
  const bytes = Buffer.byteLength(text);
  return bytes <= MAX_RECORD_BYTES ? text : wellFormedJson(truncated(event, bytes));
};

/**
 * OCSF 1.8.0: API Activity with the profiles Security Control and Trace for decisions and outcomes, Authentication,
 * Account Change, Entity Management, Detection Finding for holds and what is missing; Base Event for any other type.
 * Members without a place in the class are under `unmapped.toolgate`.
 */
export const ocsf: Format = {
  name: 'ocsf',
  mappingVersions: ['1'],
  isJson: true,
  format: toText,
  toObject: toBoundedEvent,
};
