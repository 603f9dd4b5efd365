import { cutText } from './bounded-text.js';
import type { Level, Meaning } from '../../event-log/events/meaning.js';
import { meaningOf } from '../../event-log/events/meanings.js';
import type { OutgoingRecord } from './outgoing-record.js';

type Members = Readonly<Record<string, unknown>>;

/** Who acted, as far as a record says. */
export type ActorFacts = Readonly<{ type: string; id: string; name: string | undefined }>;

/** What came of what a record tells. */
export type Result = Readonly<{
  outcome: 'success' | 'failure' | 'unknown';
  level: Level;
  /** One word: an effect, a status, a decision. */
  action: string | undefined;
  code: string | undefined;
  reason: string | undefined;
}>;

/**
 * What every format says of a record, read from members that may hold anything: the record may be of another release.
 * Texts are those of the event, unescaped.
 */
export type RecordFacts = Readonly<{
  record: OutgoingRecord;
  event: Members;
  meaning: Meaning;
  /** When it happened, in milliseconds since the epoch; when it was recorded, for an event without a readable time. */
  timeMs: number;
  recordedMs: number;
  schemaVersion: number;
  actor: ActorFacts | undefined;
  /** An address, or whatever else the event says. */
  sourceIp: string | undefined;
  callId: string | undefined;
  result: Result;
  message: string;
}>;

/** A member that is a text with at least one character, cut where it is longer than a copy beside the event may be. */
export const textAt = (members: Members, name: string): string | undefined => {
  const value = members[name];
  return typeof value === 'string' && value !== '' ? cutText(value) : undefined;
};

/** The first of some members that is a text. */
export const firstText = (members: Members, names: readonly string[]): string | undefined => {
  const name = names.find((one) => textAt(members, one) !== undefined);
  return name === undefined ? undefined : textAt(members, name);
};

/** The id of the client's request, which is a text or a number. */
export const requestIdOf = ({ requestId }: Members): string | undefined =>
  typeof requestId === 'string' || typeof requestId === 'number' ? cutText(String(requestId)) : undefined;

/** A member that is a whole number which every receiver can hold. */
export const countAt = (members: Members, name: string): number | undefined => {
  const value = members[name];
  return Number.isSafeInteger(value) ? (value as number) : undefined;
};

/** A member that is an object. */
export const objectAt = (members: Members, name: string): Members | undefined => {
  const value = members[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
};

const FAULTS = new Set(['audit_unavailable', 'limits_unavailable', 'stale_directory', 'overloaded']);

const levelOfDecision = (effect: string | undefined, code: string | undefined): Level => {
  if (effect === 'allow') return 'info';
  if (effect === 'hold' || code === 'rate_limited') return 'low';
  return code !== undefined && FAULTS.has(code) ? 'high' : 'medium';
};

const OUTCOMES: Readonly<Record<string, Result['outcome']>> = { allow: 'success', deny: 'failure', ok: 'success' };

const resultOfCall = (event: Members): Result => {
  const [effect, status, code] = [textAt(event, 'effect'), textAt(event, 'status'), textAt(event, 'code')];
  const action = effect ?? status;
  if (effect !== undefined)
    return {
      outcome: OUTCOMES[effect] ?? 'unknown',
      level: levelOfDecision(effect, code),
      action,
      code,
      reason: textAt(event, 'reason'),
    };
  const outcome = status === 'ok' ? 'success' : status === undefined || status === 'unknown' ? 'unknown' : 'failure';
  return { outcome, level: outcome === 'failure' ? 'low' : 'info', action, code: status, reason: undefined };
};

const resultOf = (meaning: Meaning, event: Members): Result => {
  if (meaning.subject === 'call') return resultOfCall(event);
  const word = textAt(event, 'decision') ?? textAt(event, 'status');
  return {
    outcome: meaning.subject === 'other' ? 'unknown' : meaning.failed ? 'failure' : 'success',
    level: meaning.level ?? 'info',
    action: word,
    code: word,
    reason: textAt(event, 'reason') ?? textAt(event, 'detail') ?? textAt(event, 'comment'),
  };
};

const actorOf = (event: Members): ActorFacts | undefined => {
  const actor = objectAt(event, 'actor');
  const id = actor && textAt(actor, 'id');
  if (actor && id !== undefined) return { type: textAt(actor, 'type') ?? 'unknown', id, name: textAt(actor, 'name') };
  const identityId = textAt(event, 'identityId');
  return identityId === undefined
    ? undefined
    : { type: 'identity', id: identityId, name: textAt(event, 'identityName') };
};

const messageOf = (meaning: Meaning, event: Members, { action, reason }: Result): string => {
  const what = textAt(event, 'tool') ?? textAt(event, 'name') ?? textAt(event, 'email');
  const head = [meaning.title, ...(what === undefined ? [] : [what]), ...(action === undefined ? [] : [action])];
  return reason === undefined ? head.join(': ') : `${head.join(': ')} (${reason})`;
};

const millisecondsOf = (text: string | undefined): number | undefined => {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return ms >= 0 ? ms : undefined;
};

/** The facts of a record. Never throws. */
export const factsOf = (record: OutgoingRecord): RecordFacts => {
  const { event } = record;
  const meaning = meaningOf(record.type);
  const result = resultOf(meaning, event);
  const recordedMs = millisecondsOf(record.recordedAt) ?? 0;
  return {
    record,
    event,
    meaning,
    timeMs: millisecondsOf(textAt(event, 'time')) ?? recordedMs,
    recordedMs,
    schemaVersion: countAt(event, 'schemaVersion') ?? countAt(event, 'version') ?? 1,
    actor: actorOf(event),
    sourceIp: textAt(event, 'sourceIp'),
    callId: textAt(event, 'callId'),
    result,
    message: cutText(messageOf(meaning, event, result)),
  };
};

/** Members that every format puts in places of its own, or that say how the record is kept. */
const COMMON = new Set([
  'id',
  'type',
  'version',
  'schemaVersion',
  'time',
  'organizationId',
  'callId',
  'seq',
  'recordedAt',
  'test',
]);

/** Adds the members of the event that no format gives a place of their own, but for those that are named. */
export const addOtherMembers = (to: Record<string, unknown>, event: Members, but: readonly string[] = []): void => {
  for (const name of Object.keys(event)) if (!COMMON.has(name) && !but.includes(name)) to[name] = event[name];
};

/** The members of the event that no format gives a place of their own, and those that are more than texts. */
export const otherMembers = (event: Members): Members => {
  const others: Record<string, unknown> = {};
  addOtherMembers(others, event);
  return others;
};
