import type { Order } from './audit.query.js';
import type { Place } from './records.js';

const CURSORS = { asc: /^events:(\d{1,15}):(\d{1,14})$/, desc: /^events-desc:(\d{1,15}):(\d{1,14})$/ } as const;
const PREFIXES = { asc: 'events', desc: 'events-desc' } as const;

/** The place after a record in this order, as the text inside a list's cursor. */
export const placeKey = (order: Order, { seq, recordedAt }: Readonly<{ seq: number; recordedAt: Date }>): string =>
  `${PREFIXES[order]}:${order === 'asc' ? seq + 1 : seq - 1}:${recordedAt.getTime()}`;

/** The place that a cursor of this list in this order names; undefined for anything else. */
export const readPlaceKey = (order: Order, text: string): Place | undefined => {
  const match = CURSORS[order].exec(text);
  return match ? { seq: Number(match[1]), recordedAt: new Date(Number(match[2])) } : undefined;
};
