import type { ToolCallCompleted, ToolCallDecided } from './events/index.js';

/** A decision before it gets its place in its boot's numbering. */
export type Unnumbered = Omit<ToolCallDecided, 'bootId' | 'sequence' | 'abandoned'>;

/** The place of a decision in the numbering of one boot of a gateway. */
export type Numbers = Readonly<{ bootId: string; sequence: number; abandoned: readonly number[] | undefined }>;

/** Members that hardly differ between the calls of one grant to one tool. The others are written one by one below. */
const STEADY = [
  'type', 'version', 'organizationId', 'sessionId', 'method', 'protocolVersion', 'grantId', 'identityId', 'identityName', 'serverId', 'serverName',
  'tool', 'definitionHash', 'policyId', 'policyVersion', 'mode', 'effect', 'code', 'rule', 'reason',
] as const satisfies readonly (keyof Unnumbered)[];
type Steady = Pick<Unnumbered, (typeof STEADY)[number]>;

type Written = Readonly<{ of: Steady; text: string }>;

const MOST_BYTES = 64 * 2 ** 20;
/** What an entry takes beside its text, by and large. */
const ENTRY_BYTES = 512;
const written = new Map<string, Map<string | null, Written>>();
/** Of all that was written since nothing was remembered: at least what is. */
let writtenBytes = 0;

// Spelled out: a loop over the names of members looks each of them up, which costs more than all the rest here.
const isSame = (one: Steady, other: Steady): boolean => isSameCaller(one, other) && isSameTool(one, other) && isSameAnswer(one, other);

const isSameCaller = (one: Steady, other: Steady): boolean =>
  one.sessionId === other.sessionId && one.organizationId === other.organizationId && one.identityId === other.identityId && one.identityName === other.identityName &&
  one.method === other.method && one.protocolVersion === other.protocolVersion;

const isSameTool = (one: Steady, other: Steady): boolean =>
  one.serverId === other.serverId && one.serverName === other.serverName && one.definitionHash === other.definitionHash && one.policyId === other.policyId &&
  one.policyVersion === other.policyVersion && one.mode === other.mode;

const isSameAnswer = (one: Steady, other: Steady): boolean =>
  one.reason === other.reason && one.code === other.code && one.rule === other.rule && one.effect === other.effect && one.type === other.type && one.version === other.version;

const forgetPastMost = (): void => {
  if (writtenBytes <= MOST_BYTES) return;
  written.clear();
  writtenBytes = 0;
};

/** The steady members as text, remembered per grant and tool for as long as they are the same: 64 MiB at most, as callers may make up any number of names. */
const steadyText = (event: Steady): string => {
  const known = written.get(event.grantId)?.get(event.tool);
  if (known && isSame(known.of, event)) return known.text;
  const of = Object.fromEntries(STEADY.map((name) => [name, event[name]])) as unknown as Steady;
  const text = JSON.stringify(of).slice(1, -1);
  writtenBytes += ENTRY_BYTES + text.length;
  forgetPastMost();
  const tools = written.get(event.grantId) ?? new Map<string | null, Written>();
  written.set(event.grantId, tools.set(event.tool, { of, text }));
  return text;
};

const textOrNull = (value: string | null): string => (value === null ? 'null' : `"${value}"`);
const member = (name: string, value: unknown): string => (value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`);

/**
 * The JSON of a decision. Ids, times, digests and addresses are our own and hold nothing to escape. Pieces are joined once: a text that is put together
 * bit by bit is flattened when it is sent, and JSON.stringify takes several times as long for so many members.
 */
export const decidedText = (event: Unnumbered, numbers: Numbers): string => {
  const { id, time, callId, requestId, traceId, retryAfterSeconds, approvalId, would, shadow, reserved, argumentKeys, argumentsDigest, client, sourceIp, decisionMicros } = event;
  return [
    '{"id":"', id, '",', steadyText(event), ',"time":"', time, '","callId":"', callId, '","requestId":', typeof requestId === 'number' ? requestId : JSON.stringify(requestId),
    ',"traceId":', textOrNull(traceId), member('retryAfterSeconds', retryAfterSeconds), member('approvalId', approvalId), member('would', would), member('shadow', shadow),
    ',"reserved":', reserved.length === 0 ? '[]' : JSON.stringify(reserved), ',"argumentKeys":', JSON.stringify(argumentKeys), ',"argumentsDigest":', textOrNull(argumentsDigest),
    ',"client":', client === null ? 'null' : JSON.stringify(client), ',"sourceIp":', textOrNull(sourceIp), ',"decisionMicros":', decisionMicros,
    ',"bootId":"', numbers.bootId, '","sequence":', numbers.sequence, member('abandoned', numbers.abandoned), '}',
  ].join('');
};

/** The JSON of an outcome. */
export const completedText = (event: ToolCallCompleted): string =>
  [
    '{"id":"', event.id, '","type":"toolCall.completed","version":', event.version, ',"time":"', event.time, '","organizationId":"', event.organizationId, '","callId":"', event.callId,
    '","grantId":"', event.grantId, '","identityId":"', event.identityId, '","serverId":"', event.serverId, '","tool":', JSON.stringify(event.tool), ',"status":"', event.status,
    '","upstreamStatus":', event.upstreamStatus ?? 'null', ',"durationMs":', event.durationMs, ',"responseBytes":', event.responseBytes, '}',
  ].join('');
