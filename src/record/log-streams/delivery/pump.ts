import type { Database } from '../../../platform/postgres/database.js';
import { reportFailure, startTimer } from '../../../platform/runtime/guard.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { within } from '../../../platform/runtime/within.js';
import type { Filters } from '../../audit/filters.js';
import type { Place } from '../../audit/records.js';
import type { Format } from '../formats/format.js';
import type { Batch, Destination, SendResult } from '../kind.js';
import { cleanAnswer } from './clean-answer.js';
import { saveFailure, saveProgress, saveSending, type Cursor, type DeadLetter, type Who } from './cursors.store.js';
import { lettersOf, type Refused } from './letters.js';
import { afterHeartbeat, heartbeatBatch } from './heartbeat.js';
import { fillBatch, msToFill, type Filled } from './make-batch.js';
import { FRESH, nextStep, type Effort, type NextStep } from './next-step.js';
import { readRecords } from './read-page.js';
import { redriveNext } from './redrive.js';
import { Rest } from './rest.js';
import { testBatch } from './test-event.js';

/** What all cursors of a stream share. */
export type PumpDeps = Readonly<{
  db: Database;
  owner: string;
  format: Format;
  mappingVersion: string;
  filters: Filters;
  /** What no answer may hold, longest first. */
  secrets: readonly string[];
  /** How long a batch waits to be filled. */
  maxWaitMs: number;
  /** After so long without anything to send, a heartbeat is sent. */
  heartbeatMs: number | undefined;
  /** The time, in ms since the epoch. */
  now: () => number;
  /** Records that retention took before they were sent. */
  onMissing: (records: number) => void;
  onSent: (records: number, bytes: number) => void;
  /** The receiver refuses the stream's credentials. */
  onAuthError: () => void;
  /** Seven days without a success: the stream is stopped, or the backfill has failed. */
  giveUp: () => Promise<void>;
}>;

const STOP_GRACE_MS = 2000;
/** A receiver's code that does not end with its signal is left behind. */
const MAX_STOP_MS = 5000;
const DB_RETRY_MS = 1000;

type Sent = Readonly<{ filled: Filled; batch: Batch; result: SendResult }>;

/**
 * Moves one cursor: reads, sends and saves, one batch after the other, until it is stopped, its end is reached or it
 * isn't this owner's any more. Whatever fails is tried again. Records wait in memory for one batch alone.
 */
export class Pump {
  readonly #deps: PumpDeps;
  readonly #cursor: Cursor;
  readonly #who: Who;
  readonly #destination: Destination;
  readonly #abort = new AbortController();
  #place: Place;
  #sendingTo: number | undefined;
  #effort: Effort;
  #retryAt: number;
  readonly #rest = new Rest();
  #redrives = false;
  #missedAt: number | undefined;
  /** When the receiver last took something. */
  #heardAt: number;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: PumpDeps, cursor: Cursor, destination: Destination) {
    this.#deps = deps;
    this.#cursor = cursor;
    this.#who = { ...cursor, owner: deps.owner };
    this.#destination = destination;
    this.#place = cursor.place;
    this.#sendingTo = cursor.sendingTo;
    this.#effort = { ...FRESH, failures: cursor.failures, failingSince: cursor.failingSince };
    this.#retryAt = cursor.retryAt;
    this.#heardAt = deps.now();
  }

  /** The seq of the next record. */
  get nextSeq(): number {
    return this.#place.seq;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends dead letters again that are to be, one by one. */
  redrive(): void {
    this.#redrives = true;
    this.wake();
  }

  /** There are new records. */
  wake(): void {
    this.#rest.wake(this.#retryAt <= this.#deps.now());
  }

  /** Lets a batch that is under way end for 2 s; what is not saved then is sent again. */
  async stop(): Promise<void> {
    this.#rest.end();
    const timer = startTimer('log_stream_stop', STOP_GRACE_MS, () => this.#abort.abort());
    await within(this.#running, MAX_STOP_MS);
    clearTimeout(timer);
    await this.#destination.close().catch((error: unknown) => reportFailure('log_stream_close', error));
  }

  async #run(): Promise<void> {
    while (!this.#rest.isOver) {
      const goesOn = await this.#turn().catch(async (error: unknown) => {
        if (!this.#rest.isOver) log.warn('a log stream could not go on; trying again', this.#fields(errorText(error)));
        await this.#rest.sleep(DB_RETRY_MS);
        return true;
      });
      if (!goesOn) return;
    }
  }

  #fields(error: string): Readonly<Record<string, string>> {
    return { organizationId: this.#cursor.organizationId, streamId: this.#cursor.streamId, error };
  }

  /** One batch, or a wait. False when this cursor has nothing to do any more. */
  async #turn(): Promise<boolean> {
    const wait = this.#retryAt - this.#deps.now();
    if (wait > 0) {
      await this.#rest.sleep(wait);
      return true;
    }
    const { organizationId, toSeq } = this.#cursor;
    if (toSeq !== undefined && this.#place.seq > toSeq) return this.#save(this.#place, { delivered: 0, bytes: 0 });
    // One for each batch: neither waits for all of the other.
    if (this.#redrives)
      this.#redrives = await redriveNext(this.#cursor, this.#deps, (batch) => this.#send(batch), this.#abort.signal);
    this.#rest.begin();
    const filled = await this.#fill(organizationId);
    if (filled === undefined) return this.#idle();
    if (!filled.batch) return this.#save(filled.place, { delivered: 0, bytes: 0, letters: filled.letters });
    return this.#sendAndSave(filled, filled.batch);
  }

  /** There is nothing to send now: waits for a record, or says that the stream lives. */
  async #idle(): Promise<boolean> {
    const { now, heartbeatMs = Number.POSITIVE_INFINITY } = this.#deps;
    if (this.#retryAt > now()) return true;
    if (this.#cursor.toSeq === undefined && now() - this.#heardAt >= heartbeatMs) return this.#beat();
    if (!this.#redrives && !this.#rest.wasWoken) await this.#rest.sleep(IDLE_MS);
    return true;
  }

  /** Sends a heartbeat. A receiver that refuses it has answered all the same. */
  async #beat(): Promise<boolean> {
    const now = this.#deps.now();
    const batch = heartbeatBatch(this.#cursor, this.#deps, { lastSeq: this.#place.seq - 1, now: new Date(now) });
    const result = await this.#send(batch);
    if (this.#abort.signal.aborted) return false;
    const step = afterHeartbeat(result, this.#effort, now);
    if (!step) return this.#save(this.#place, { delivered: 0, bytes: 0, isAnswered: true });
    const filled: Filled = { batch: undefined, place: this.#place, bytes: 0, letters: [] };
    return this.#act({ filled, batch: { ...batch, items: [] }, result }, step);
  }

  /** The next batch; undefined at the end of the log. */
  async #fill(organizationId: string): Promise<Filled | undefined> {
    const { db, filters, format, mappingVersion, maxWaitMs, now } = this.#deps;
    const { limit } = this.#effort;
    const ends = [this.#cursor.toSeq, this.#sendingTo].filter((end) => end !== undefined);
    const toSeq = ends.length === 0 ? undefined : Math.min(...ends);
    const read = { from: this.#place, toSeq, limit };
    const page = await db.asStreams((tx) => readRecords(tx, organizationId, filters, read));
    if (page.isEnd && this.#sendingTo !== undefined) {
      // Retention has taken the batch that was being sent: the next one is another.
      this.#sendingTo = undefined;
      return { batch: undefined, place: this.#place, bytes: 0, letters: [] };
    }
    if (page.isEnd) return this.#cursor.toSeq === undefined ? undefined : this.#atEnd();
    this.#tellMissing(page.missing);
    const filled = await fillBatch(this.#cursor.streamId, page, { format, mappingVersion, limit });
    const mayWait = this.#sendingTo === undefined && this.#cursor.toSeq === undefined;
    const wait = mayWait ? msToFill(filled, maxWaitMs, now()) : 0;
    if (wait <= 0) return filled;
    this.#retryAt = now() + Math.min(wait, MAX_WAIT_MS);
    return undefined;
  }

  /** Tells once of records that are gone, however often the place behind them is read. */
  #tellMissing(records: number): void {
    if (records === 0 || this.#missedAt === this.#place.seq) return;
    this.#missedAt = this.#place.seq;
    this.#deps.onMissing(records);
  }

  /** A backfill whose last records retention has taken ends too. */
  #atEnd(): Filled {
    const place = { seq: (this.#cursor.toSeq ?? 0) + 1, recordedAt: this.#place.recordedAt };
    return { batch: undefined, place, bytes: 0, letters: [] };
  }

  async #sendAndSave(filled: Filled, batch: Batch): Promise<boolean> {
    const lastSeq = batch.items.at(-1)?.record.seq ?? 0;
    if (this.#sendingTo !== lastSeq && !(await saveSending(this.#deps.db, this.#who, lastSeq))) return false;
    this.#sendingTo = lastSeq;
    const result = await this.#send(batch);
    if (this.#abort.signal.aborted) return false;
    return this.#settle({ filled, batch, result });
  }

  async #send(batch: Batch): Promise<SendResult> {
    try {
      return await this.#destination.send(batch, this.#abort.signal);
    } catch (error) {
      reportFailure('log_stream_send', error);
      return { outcome: 'retry', code: 'internal', answer: null, timedOut: false };
    }
  }

  async #settle(sent: Sent): Promise<boolean> {
    const attempt = { records: sent.batch.items.length, now: this.#deps.now(), random: Math.random() };
    return this.#act(sent, nextStep(sent.result, this.#effort, attempt));
  }

  async #act(sent: Sent, step: NextStep): Promise<boolean> {
    this.#effort = step.effort;
    switch (step.do) {
      case 'advance':
        return this.#advance(sent, await lettersOf(sent, step.refused, this.#deps.secrets));
      case 'bury':
        return this.#advance(sent, await lettersOf(sent, [this.#allOf(sent)], this.#deps.secrets));
      case 'retry':
        return this.#retry(sent, step);
      case 'probe': {
        const probe = await this.#send(testBatch(this.#cursor, this.#deps));
        if (probe.outcome === 'accepted')
          return this.#advance(sent, await lettersOf(sent, [this.#allOf(sent)], this.#deps.secrets));
        return this.#retry(sent, step);
      }
      case 'give_up': {
        const status = this.#cursor.toSeq === undefined ? 'degraded' : 'failed';
        if (await this.#keepFailure(sent, { status, wait: 0 })) await this.#deps.giveUp();
        return false;
      }
    }
  }

  #allOf({ batch, result }: Sent): Refused {
    const answer = result.answer ?? { httpStatus: null, body: '' };
    return { seq: batch.items[0]?.record.seq ?? 0, answer };
  }

  #advance({ batch, filled }: Sent, letters: readonly DeadLetter[]): Promise<boolean> {
    const delivered = batch.items.length - (letters.length - filled.letters.length);
    this.#deps.onSent(delivered, filled.bytes);
    return this.#save(filled.place, { delivered, bytes: filled.bytes, letters });
  }

  async #save(
    place: Place,
    done: Readonly<{ delivered: number; bytes: number; letters?: readonly DeadLetter[]; isAnswered?: true }>,
  ): Promise<boolean> {
    const isAnswered = done.delivered > 0;
    if (isAnswered || done.isAnswered) this.#heardAt = this.#deps.now();
    const isOurs = await saveProgress(this.#deps.db, this.#who, { place, letters: [], isAnswered, ...done });
    this.#place = place;
    this.#sendingTo = undefined;
    return isOurs && (this.#cursor.toSeq === undefined || place.seq <= this.#cursor.toSeq);
  }

  async #retry(sent: Sent, step: Extract<NextStep, { wait: number }>): Promise<boolean> {
    const splits = this.#effort.limit < sent.batch.items.length;
    if (splits) this.#sendingTo = undefined;
    if (step.wait === 0) return true;
    return this.#keepFailure(sent, step);
  }

  async #keepFailure(
    { batch, result }: Sent,
    { status, wait }: Readonly<{ status: 'degraded' | 'auth_error' | 'failed'; wait: number }>,
  ): Promise<boolean> {
    const { failures, failingSince } = this.#effort;
    this.#retryAt = this.#deps.now() + wait;
    const code = 'code' in result ? result.code : 'unknown';
    const answer = result.answer && cleanAnswer(result.answer, this.#deps.secrets);
    const failed = { status, failures, failingSince, retryAt: this.#retryAt, records: batch.items.length };
    const isKept = await saveFailure(this.#deps.db, this.#who, { ...failed, failure: { code, answer } });
    if (isKept && status === 'auth_error') this.#deps.onAuthError();
    return isKept;
  }
}

/** A cursor that nobody woke looks for records after this long all the same. */
const IDLE_MS = 5000;
/** A batch that waits is looked at again after this long: it may be full by then. */
const MAX_WAIT_MS = 2000;
