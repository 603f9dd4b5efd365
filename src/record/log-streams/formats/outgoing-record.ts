import { toItem, type AuditItem, type StoredEvent } from '../../audit/audit.query.js';
import { recordLine } from '../../audit/record-line.js';

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

/** Reads the event when something of it is asked for: whoever sends records as they are asks for nothing. */
class StoredRecord implements OutgoingRecord {
  readonly isTest: boolean;
  readonly #stored: StoredEvent;
  #item: AuditItem | undefined;

  constructor(stored: StoredEvent, isTest: boolean) {
    this.#stored = stored;
    this.isTest = isTest;
  }

  get event(): AuditItem {
    return (this.#item ??= toItem(this.#stored));
  }

  get native(): string {
    return recordLine(this.#stored).toString();
  }

  get seq(): number {
    return this.#stored.seq;
  }

  get recordedAt(): string {
    return this.#stored.recordedAt.toISOString();
  }

  get organizationId(): string {
    return textOf(this.event['organizationId']) ?? '';
  }

  get eventId(): string {
    return textOf(this.event['id']) ?? '';
  }

  get type(): string {
    return textOf(this.event['type']) ?? '';
  }

  get callId(): string | undefined {
    return textOf(this.event['callId']);
  }
}

/** A record as it is stored, on its way out. */
export const outgoingRecord = (stored: StoredEvent, isTest = false): OutgoingRecord => new StoredRecord(stored, isTest);
