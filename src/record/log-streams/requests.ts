import { isId, type IdPrefix } from '../../platform/crypto/ids.js';
import { isObject } from '../../platform/json/json-object.js';
import type { Tx } from '../../platform/postgres/database.js';
import { isInstant } from '../../platform/rest/fields.js';
import { Problem, type ProblemDetail } from '../../platform/runtime/problems.js';
import { BEGINNING, nextSeq, oldestRecord, type Place } from '../audit/records.js';
import { placeOfEnd, placeOfSeq, placeOfTime } from '../audit/tail.query.js';
import { EVENT_TYPES } from '../event-log/events/meanings.js';
import type { LogStreamFilter } from '../event-log/events/index.js';

/** The refusal of members of a body. */
export const wrongBody = (...errors: readonly ProblemDetail[]): Problem =>
  new Problem('invalid_body', 'Correct what errors[] names and send the request again.', { errors });

/** The refusal of one member. */
export const wrong = (pointer: string, message: string): Problem => wrongBody({ pointer, code: 'invalid', message });

const MAX_FILTER_VALUES = 100;

type ListRule = Readonly<{ isItem: (value: unknown) => boolean; takes: string }>;

const idsOf = (prefix: IdPrefix): ListRule => ({
  isItem: (value) => isId(prefix, value),
  takes: `ids like ${prefix}_…`,
});
const wordsOf = (words: readonly string[], takes: string): ListRule => ({
  isItem: (value) => words.includes(String(value)),
  takes,
});

const FILTERS: Readonly<Record<keyof LogStreamFilter, ListRule>> = {
  types: wordsOf(EVENT_TYPES, 'types of events'),
  effects: wordsOf(['allow', 'deny', 'hold'], 'allow, deny or hold'),
  serverIds: idsOf('srv'),
  identityIds: idsOf('idn'),
};

/** Reads a stream's filter: of each list any value, and all lists that are there. @throws Problem invalid_body */
export const readFilter = (value: unknown): LogStreamFilter => {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw wrong('/filter', 'takes an object');
  const errors: ProblemDetail[] = [];
  for (const [name, list] of Object.entries(value)) {
    const pointer = `/filter/${name}`;
    const rule = Object.hasOwn(FILTERS, name) ? FILTERS[name as keyof LogStreamFilter] : undefined;
    if (!rule) errors.push({ pointer, code: 'unknown_key', message: `takes ${Object.keys(FILTERS).join(', ')}` });
    else if (!Array.isArray(list) || list.length === 0 || list.length > MAX_FILTER_VALUES || !list.every(rule.isItem))
      errors.push({ pointer, code: 'invalid', message: `takes a list of 1 to ${MAX_FILTER_VALUES} ${rule.takes}` });
  }
  if (errors.length > 0) throw wrongBody(...errors);
  return value as LogStreamFilter;
};

const seqOf = (value: unknown): number | undefined => {
  const seq = isObject(value) && Object.keys(value).length === 1 ? value['seq'] : undefined;
  return Number.isSafeInteger(seq) && Number(seq) >= 1 ? Number(seq) : undefined;
};

/**
 * Where a stream begins: `now`, `beginning` or `{seq}`, which is at most the number that comes next.
 * @throws Problem invalid_body
 */
export const readStart = async (tx: Tx, organizationId: string, value: unknown = 'now'): Promise<Place> => {
  if (value === 'now') return placeOfEnd(tx, organizationId);
  // Where nothing is recorded yet, the end would be another place as soon as something is.
  if (value === 'beginning') return (await oldestRecord(tx, organizationId)) ?? BEGINNING;
  const seq = seqOf(value);
  if (seq === undefined) throw wrong('/startAt', 'takes now, beginning, or {"seq": n} with a whole number from 1');
  if (seq > (await nextSeq(tx, organizationId)))
    throw wrong('/startAt', 'is a number that the audit log does not have yet');
  return placeOfSeq(tx, organizationId, seq);
};

/** One end of a backfill: the place of a time's first record, or of a number's. @throws Problem invalid_body */
export const readEnd = async (
  tx: Tx,
  organizationId: string,
  { pointer, value }: Readonly<{ pointer: string; value: unknown }>,
): Promise<Place> => {
  if (isInstant(value)) return placeOfTime(tx, organizationId, new Date(String(value)));
  const seq = seqOf(value);
  if (seq === undefined) throw wrong(pointer, 'takes a time in RFC 3339, or {"seq": n} with a whole number from 1');
  return placeOfSeq(tx, organizationId, seq);
};

/**
 * The records of a backfill, both ends inclusive: a time as `to` means the records before it.
 * @throws Problem invalid_body, also when there are none
 */
export const readRange = async (
  tx: Tx,
  organizationId: string,
  { from, to }: Readonly<{ from: unknown; to: unknown }>,
): Promise<Readonly<{ place: Place; toSeq: number }>> => {
  const place = await readEnd(tx, organizationId, { pointer: '/from', value: from });
  const end = await readEnd(tx, organizationId, { pointer: '/to', value: to });
  const newest = (await nextSeq(tx, organizationId)) - 1;
  const toSeq = isInstant(to) ? Math.min(end.seq - 1, newest) : Math.min(seqOf(to) ?? 0, newest);
  if (place.seq > toSeq) throw wrong('/from', 'there are no records between from and to');
  return { place, toSeq };
};
