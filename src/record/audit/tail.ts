import { guarded, startTimer } from '../../platform/runtime/guard.js';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, log } from '../../platform/runtime/log.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Caller, EventStore } from '../event-store/event-store.js';
import { toItem, type StoredEvent } from './audit.query.js';
import type { Filters } from './filters.js';
import { nextSeq, type Place } from './records.js';
import { drained } from './send-stream.js';
import { placeOfEnd, readTailPage } from './tail.query.js';

/** How often a stream asks for new records and whether its caller may still read: it ends within a second. */
const POLL_INTERVAL_MS = 400;
const KEEP_ALIVE_MS = 15_000;
/** A reader that took nothing for this long and is this far behind gets a gap instead of what it missed. */
const SLOW_MS = 2000;
const MAX_RECORDS_BEHIND = 1000;
/** A connection that takes nothing for this long is closed. */
const MAX_BLOCKED_MS = 60_000;

type TailDeps = Readonly<{ store: EventStore; caller: Caller; filters: Filters; response: ServerResponse }>;

const eventText = (stored: StoredEvent): string => `id: ${stored.seq}\ndata: ${JSON.stringify(toItem(stored))}\n\n`;

/** The numbers of records that a stream passes over, both inclusive. */
export type Gap = Readonly<{ fromSeq: number; toSeq: number }>;

const gapText = (gap: Gap): string => `id: ${gap.toSeq}\nevent: gap\ndata: ${JSON.stringify(gap)}\n\n`;

/** Where a stream begins; `gap`: records that its client missed and that retention has taken. */
export type TailStart = Readonly<{ place: Place; gap?: Gap | undefined }>;

/**
 * One stream of server-sent events: the audit log from a place on, as it grows. It ends with its connection, when its
 * caller may not read any more, and on any failure; a client goes on from the last id that it has.
 */
export class Tail {
  readonly #deps: TailDeps;
  readonly #ended = new AbortController();
  readonly #gap: Gap | undefined;
  #place: Place;
  #head: number;
  #lastSentAt = performance.now();
  #wake: () => void = () => undefined;

  constructor(deps: TailDeps, { place, gap }: TailStart) {
    this.#deps = deps;
    this.#place = place;
    this.#head = place.seq;
    this.#gap = gap;
  }

  /** Sends until the stream ends. Never rejects. */
  async run(): Promise<void> {
    const { response } = this.#deps;
    response.once(
      'close',
      guarded('audit_tail', () => this.end()),
    );
    if (response.destroyed) this.end();
    response.flushHeaders();
    this.#write(': open\n\n');
    if (this.#gap) this.#write(gapText(this.#gap));
    await Promise.all([this.#settle(this.#watch()), this.#settle(this.#send())]);
    response.end();
  }

  /** A client that takes nothing now is disconnected: what it was to take would stay in memory until it does. */
  end(): void {
    this.#ended.abort();
    this.#wake();
    if (this.#deps.response.writableNeedDrain) this.#deps.response.destroy();
  }

  /** Any failure ends both halves. */
  async #settle(half: Promise<void>): Promise<void> {
    await half.catch((error: unknown) => {
      if (!(error instanceof Problem) && !this.#ended.signal.aborted)
        log.warn('a tail of the audit log failed and was ended', { error: errorText(error) });
    });
    this.end();
  }

  async #watch(): Promise<void> {
    const { store, caller } = this.#deps;
    const { organizationId, authority } = caller;
    while (!this.#ended.signal.aborted) {
      this.#head = await store.read(organizationId, async (tx: Tx) => {
        await authority?.(tx, 'read');
        return nextSeq(tx, organizationId);
      });
      if (this.#head > this.#place.seq) this.#wake();
      else if (performance.now() - this.#lastSentAt >= KEEP_ALIVE_MS && !this.#deps.response.writableNeedDrain)
        this.#write(': keep-alive\n\n');
      await sleep(POLL_INTERVAL_MS, undefined, { signal: this.#ended.signal }).catch(() => undefined);
    }
  }

  async #send(): Promise<void> {
    const { store, caller, filters } = this.#deps;
    const look = store.search(caller, this.#ended.signal);
    const { organizationId } = caller;
    while (!this.#ended.signal.aborted) {
      if (this.#head <= this.#place.seq) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { events, next } = await look((tx) => readTailPage(tx, organizationId, filters, this.#place));
      const missedFrom = await this.#sendEvents(events);
      if (missedFrom === undefined && next.seq > this.#place.seq) this.#place = next;
      else {
        // The reader was slow, or retention took everything up to the end.
        const end = await look((tx) => placeOfEnd(tx, organizationId));
        this.#write(gapText({ fromSeq: missedFrom ?? this.#place.seq, toSeq: end.seq - 1 }));
        this.#place = end;
      }
    }
  }

  /** Sends events as the client takes them; when it was too slow, answers the first number that it misses. */
  async #sendEvents(events: readonly StoredEvent[]): Promise<number | undefined> {
    for (const event of events) {
      if (this.#write(eventText(event))) continue;
      const blockedMs = await this.#drained();
      if (blockedMs >= SLOW_MS && this.#head - event.seq > MAX_RECORDS_BEHIND) return event.seq + 1;
    }
    return undefined;
  }

  /** False when the client has to take what was written before more is. */
  #write(text: string): boolean {
    const { response } = this.#deps;
    if (this.#ended.signal.aborted || response.destroyed) return true;
    this.#lastSentAt = performance.now();
    return response.write(text);
  }

  /** Waits until the client has taken what was written, and answers for how long. One that takes nothing is left. */
  async #drained(): Promise<number> {
    const since = performance.now();
    const timer = startTimer('audit_tail', MAX_BLOCKED_MS, () => this.end());
    await drained(this.#deps.response);
    clearTimeout(timer);
    return performance.now() - since;
  }
}
