import { isId } from '../../platform/crypto/ids.js';
import { columnsOf, columnText, type ColumnValues } from './columns.js';
import type { DecisionNumber } from './numbering.js';

/** The columns of an event in `audit_records`. */
export type EventColumns = ColumnValues &
  Readonly<{
    organizationId: string;
    id: string;
    type: string;
    /** Milliseconds since the epoch. */
    timeMs: number;
  }>;

export type ReadEvent =
  | Readonly<{ ok: true; columns: EventColumns; number: DecisionNumber | undefined }>
  | Readonly<{ ok: false; reason: 'not_json' | 'not_an_event' | 'wrong_time' | 'wrong_key' }>;

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const EPOCH_MS = 0;

/** Whether a text is kept unchanged by `columnText`; what identifies an event must be. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && columnText(value) === value;

const instantOf = (text: unknown): number | undefined => {
  const ms = typeof text === 'string' && INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return ms >= EPOCH_MS ? ms : undefined;
};

const parse = (value: Buffer): unknown => {
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
};

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

/** Where a decision stands in its boot's numbering; other events have no number. */
const numberOf = ({
  type,
  bootId,
  sequence,
  abandoned,
}: Readonly<Record<string, unknown>>): DecisionNumber | undefined => {
  if (type !== 'toolCall.decided' || !isId('boot', bootId) || !isNumber(sequence)) return undefined;
  return { bootId, sequence, abandoned: Array.isArray(abandoned) ? abandoned.filter(isNumber) : [] };
};

/**
 * Reads an event of the log. What has no id, type, organization or RFC 3339 time, or lies under another key than its
 * organization's, is no event: it is refused with a reason and nothing of its content.
 */
export const readEvent = (key: string, value: Buffer): ReadEvent => {
  const event = parse(value);
  if (event === undefined) return { ok: false, reason: 'not_json' };
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return { ok: false, reason: 'not_an_event' };
  const members = event as Readonly<Record<string, unknown>>;
  const { id, type, organizationId, time } = members;
  if (!isName(id) || !isName(type) || !isId('org', organizationId)) return { ok: false, reason: 'not_an_event' };
  const timeMs = instantOf(time);
  if (timeMs === undefined) return { ok: false, reason: 'wrong_time' };
  if (key !== organizationId) return { ok: false, reason: 'wrong_key' };
  return { ok: true, number: numberOf(members), columns: { organizationId, id, type, timeMs, ...columnsOf(members) } };
};
