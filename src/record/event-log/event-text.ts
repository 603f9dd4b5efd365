import type { ToolCallCompleted, ToolCallDecided } from './events/index.js';

/** A decision before it gets its place in its boot's numbering. */
export type Unnumbered = Omit<ToolCallDecided, 'bootId' | 'sequence' | 'abandoned'>;

/** The place of a decision in the numbering of one boot of a gateway. */
export type SequenceNumber = Readonly<{ bootId: string; sequence: number; abandoned: readonly number[] | undefined }>;

/** Members that hardly differ between the calls of one grant to one tool: their text is cached. */
const STABLE_MEMBERS = [
  'type',
  'version',
  'organizationId',
  'method',
  'protocolVersion',
  'grantId',
  'identityId',
  'identityName',
  'serverId',
  'serverName',
  'tool',
  'definitionHash',
  'policyId',
  'policyVersion',
  'mode',
  'effect',
  'code',
  'rule',
  'reason',
  'client',
] as const satisfies readonly (keyof Unnumbered)[];
type StableMembers = Pick<Unnumbered, (typeof STABLE_MEMBERS)[number]>;

type CachedText = Readonly<{ of: StableMembers; text: string }>;

const MAX_CACHE_BYTES = 64 * 2 ** 20;
/** About what an entry takes besides its text. */
const ENTRY_BYTES = 512;
const cache = new Map<string, Map<string | null, CachedText>>();
/** The bytes of all texts since the cache was last cleared: at least those that it holds. */
let cacheBytes = 0;

// Spelled out: a loop over the names of members looks each of them up, which costs more than all the rest here.
const isSame = (one: StableMembers, other: StableMembers): boolean =>
  isSameCaller(one, other) && isSameTool(one, other) && isSameAnswer(one, other);

const isSameCaller = (one: StableMembers, other: StableMembers): boolean =>
  one.organizationId === other.organizationId &&
  one.identityId === other.identityId &&
  one.identityName === other.identityName &&
  one.method === other.method &&
  one.protocolVersion === other.protocolVersion &&
  isSameClient(one.client, other.client);

const isSameClient = (one: StableMembers['client'], other: StableMembers['client']): boolean =>
  one === other || (one !== null && other !== null && one.name === other.name && one.version === other.version);

const isSameTool = (one: StableMembers, other: StableMembers): boolean =>
  one.serverId === other.serverId &&
  one.serverName === other.serverName &&
  one.definitionHash === other.definitionHash &&
  one.policyId === other.policyId &&
  one.policyVersion === other.policyVersion &&
  one.mode === other.mode;

const isSameAnswer = (one: StableMembers, other: StableMembers): boolean =>
  one.reason === other.reason &&
  one.code === other.code &&
  one.rule === other.rule &&
  one.effect === other.effect &&
  one.type === other.type &&
  one.version === other.version;

const clearFullCache = (): void => {
  if (cacheBytes <= MAX_CACHE_BYTES) return;
  cache.clear();
  cacheBytes = 0;
};

/**
 * The stable members as text, cached by grant and tool for as long as they are the same. The cache is bounded, since
 * callers may make up any number of names.
 */
const stableText = (event: StableMembers): string => {
  const known = cache.get(event.grantId)?.get(event.tool);
  if (known && isSame(known.of, event)) return known.text;
  const of = Object.fromEntries(STABLE_MEMBERS.map((name) => [name, event[name]])) as unknown as StableMembers;
  const text = JSON.stringify(of).slice(1, -1);
  cacheBytes += ENTRY_BYTES + text.length;
  clearFullCache();
  const tools = cache.get(event.grantId) ?? new Map<string | null, CachedText>();
  cache.set(event.grantId, tools.set(event.tool, { of, text }));
  return text;
};

const textOrNull = (value: string | null): string => (value === null ? 'null' : `"${value}"`);
const member = (name: string, value: unknown): string =>
  value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;

/** Members that few decisions have. */
const rareText = ({ retryAfterSeconds, approvalId, would, shadow }: Unnumbered): string =>
  retryAfterSeconds === undefined && approvalId === undefined && would === undefined && shadow === undefined
    ? ''
    : member('retryAfterSeconds', retryAfterSeconds) +
      member('approvalId', approvalId) +
      member('would', would) +
      member('shadow', shadow);

/**
 * The JSON of a decision, one member a line. Ids, times, digests and addresses are our own and hold nothing to escape.
 * It is one template, since each piece that is joined on costs its own and JSON.stringify takes several times as long.
 */
export const decidedText = (event: Unnumbered, { bootId, sequence, abandoned }: SequenceNumber): string => {
  const { id, time, callId, requestId, sessionId, sourceIp, traceId } = event;
  const { reserved, argumentKeys, argumentsDigest, decisionMicros } = event;
  return `{"id":"${id}",\
${stableText(event)},\
"time":"${time}",\
"callId":"${callId}",\
"requestId":${typeof requestId === 'number' ? requestId : JSON.stringify(requestId)},\
"sessionId":${textOrNull(sessionId)},\
"sourceIp":${textOrNull(sourceIp)},\
"traceId":${textOrNull(traceId)}\
${rareText(event)},\
"reserved":${reserved.length === 0 ? '[]' : JSON.stringify(reserved)},\
"argumentKeys":${JSON.stringify(argumentKeys)},\
"argumentsDigest":${textOrNull(argumentsDigest)},\
"decisionMicros":${decisionMicros},\
"bootId":"${bootId}",\
"sequence":${sequence}\
${member('abandoned', abandoned)}}`;
};

/** The JSON of an outcome, one member a line. */
export const completedText = (event: ToolCallCompleted): string =>
  `{"id":"${event.id}",\
"type":"toolCall.completed",\
"version":${event.version},\
"time":"${event.time}",\
"organizationId":"${event.organizationId}",\
"callId":"${event.callId}",\
"grantId":"${event.grantId}",\
"identityId":"${event.identityId}",\
"serverId":"${event.serverId}",\
"tool":${JSON.stringify(event.tool)},\
"status":"${event.status}",\
"upstreamStatus":${event.upstreamStatus ?? 'null'},\
"durationMs":${event.durationMs},\
"responseBytes":${event.responseBytes}}`;
