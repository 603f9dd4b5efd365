import type { OutgoingRecord } from '../formats/outgoing-record.js';

const textIn = (record: OutgoingRecord, name: string): string | undefined => {
  const value = record.event[name];
  return typeof value === 'string' ? value : undefined;
};

/** When the event happened, in ms since 1970: its own time, else when it was recorded. */
export const timeMsOf = (record: OutgoingRecord): number => {
  const own = Date.parse(textIn(record, 'time') ?? '');
  return Number.isNaN(own) ? Date.parse(record.recordedAt) : own;
};

/** How loud a receiver should be about a record; formats grade finer, in their own scales. */
export type Loudness = 'info' | 'notice' | 'warning' | 'error';

/** By the effect of a decision, and for gaps in the record. */
export const loudnessOf = (record: OutgoingRecord): Loudness => {
  if (record.type === 'audit.gap' || record.type === 'audit.suppressed') return 'error';
  const effect = textIn(record, 'effect');
  if (effect === 'deny') return 'warning';
  if (effect === 'hold') return 'notice';
  return 'info';
};
