/**
 * A record of the audit log on its way out. `native` is the record as one line of JSON, the very bytes (UTF-8) that the
 * export in `native` writes; `event` is what that line holds.
 */
export type OutgoingRecord = Readonly<{
  organizationId: string;
  seq: number;
  eventId: string;
  type: string;
  /** RFC 3339 UTC. */
  recordedAt: string;
  callId: string | undefined;
  native: string;
  event: Readonly<Record<string, unknown>>;
  /** An event that is on no record: it shows whether a log stream works, and is marked in every format. */
  isTest: boolean;
}>;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The record of an item of the audit log, which holds its members with `seq` and `recordedAt`. */
export const outgoingRecord = (
  item: Readonly<Record<string, unknown>> & Readonly<{ seq: number; recordedAt: string }>,
  isTest = false,
): OutgoingRecord => ({
  organizationId: textOf(item['organizationId']) ?? '',
  seq: item.seq,
  eventId: textOf(item['id']) ?? '',
  type: textOf(item['type']) ?? '',
  recordedAt: item.recordedAt,
  callId: textOf(item['callId']),
  native: JSON.stringify(item),
  event: item,
  isTest,
});
