import type { Place } from './records.js';

const CURSOR = /^events:(\d{1,15}):(\d{1,14})$/;

/** The place after a record, as the text inside a list's cursor. */
export const placeKey = (record: Readonly<{ seq: number; recordedAt: Date }>): string =>
  `events:${record.seq + 1}:${record.recordedAt.getTime()}`;

/** The place that a cursor of this list names; undefined for anything else. */
export const readPlaceKey = (text: string): Place | undefined => {
  const match = CURSOR.exec(text);
  return match ? { seq: Number(match[1]), recordedAt: new Date(Number(match[2])) } : undefined;
};
