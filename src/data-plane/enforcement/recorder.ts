import { inBackground, startTimer } from '../../platform/runtime/guard.js';
import { ACKNOWLEDGE_TIMEOUT_MS, acknowledged, toEntry } from '../../record/event-log/append.js';
import type { EventLog, LogEntry } from '../../record/event-log/event-log.js';
import { completedText, decidedText, type Unnumbered } from '../../record/event-log/event-text.js';
import type { RecordBody, ToolCallCompleted, Topic } from '../../record/event-log/events/index.js';
import { Deadlines } from '../../platform/runtime/deadlines.js';
import { isRefusedForItself } from '../../platform/postgres/group-commit.js';
import { lengthRefusal } from '../../record/event-log/record-size.js';
import { newId } from '../../platform/crypto/ids.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { OpenCalls, type Epoch } from './open-calls.js';
import { Sequences, type Numbered } from './sequences.js';
import { shortDecision } from './short-decision.js';
import { Suppressed } from './suppressed.js';

const STOP_TIMEOUT_MS = 2000;
const RETRY_DELAY_MS = 200;
const OUTCOME_DELAY_MS = 10;
const MAX_QUEUED = 20_000;

/**
 * `givenUp` says what happens when the queue can't hold the entry; undefined: it is kept whatever the queue's length.
 * `yields`: that also happens when an outcome needs the place, as an outcome that is lost is nowhere told. `done`: it
 * is in the log.
 */
type Queued = Readonly<{
  topic: Topic;
  entry: LogEntry;
  givenUp: (() => void) | undefined;
  yields?: true;
  done?: () => void;
}>;

type UnrecordedOutcome = Readonly<{ outcome: ToolCallCompleted; epoch: Epoch }>;

/**
 * Writes decisions and outcomes to the log. An allowed call waits for the acknowledgement; everything else is queued
 * when the log is away, the queue is bounded, refusals give way to outcomes in it, and those that it can't hold are
 * counted and recorded as one `audit.suppressed` when the log is back.
 */
export class Recorder {
  readonly bootId = newId('boot');
  readonly openCalls = new OpenCalls();
  readonly #log: EventLog;
  readonly #deadlines = new Deadlines(ACKNOWLEDGE_TIMEOUT_MS);
  readonly #sequences = new Sequences();
  readonly #suppressed: Suppressed;
  readonly #queue: Queued[] = [];
  #retrying: NodeJS.Timeout | undefined;
  #outcomes: UnrecordedOutcome[] = [];
  #lingering: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(eventLog: EventLog) {
    this.#log = eventLog;
    this.#suppressed = new Suppressed(
      (organizationId, body) => this.#control(organizationId, body),
      () => this.#queue.length === 0,
    );
  }

  /**
   * Appends an allow and waits. False: not acknowledged in 2 s, its number is given up, and the call must never be
   * forwarded.
   */
  async recordAllow(decision: Unnumbered): Promise<boolean> {
    const numbered = this.#number(decision.organizationId);
    try {
      const appended = this.#log.append('toolgate.decisions', this.#entry(decision, numbered));
      if (this.#outcomes.length > 0) this.#appendOutcomes();
      await acknowledged(appended, this.#deadlines);
      return true;
    } catch (error) {
      this.#sequences.abandon(decision.organizationId, numbered);
      log.warn('a decision was not acknowledged; the call is refused', { error: errorText(error) });
      return false;
    }
  }

  /**
   * Appends a refusal; resolves when it is acknowledged or after 2 s, when it waits in the queue. Refusals beyond 100 a
   * second of one grant are only counted.
   */
  async recordRefusal(decision: Unnumbered): Promise<void> {
    if (!this.#suppressed.mayRecord(decision)) return;
    const numbered = this.#number(decision.organizationId);
    const entry = this.#entry(decision, numbered);
    const givenUp = (): void => {
      this.#sequences.abandon(decision.organizationId, numbered);
      this.#suppressed.count(decision);
    };
    const appended = this.#log.append('toolgate.decisions', entry);
    appended.catch((error: unknown) =>
      this.#enqueue({ topic: 'toolgate.decisions', entry, givenUp, yields: true }, error),
    );
    await acknowledged(appended, this.#deadlines).catch(() => undefined);
  }

  /**
   * Appends the outcome of a call that entered `openCalls`, with the next decision or within 10 ms: nobody waits for
   * it, and a flush of its own would hold up the decisions behind it.
   */
  recordOutcome(outcome: ToolCallCompleted, epoch: Epoch): void {
    this.#outcomes.push({ outcome, epoch });
    if (this.#stopped) return this.#appendOutcomes();
    this.#lingering ??= startTimer('recorder', OUTCOME_DELAY_MS, () => {
      this.#lingering = undefined;
      this.#appendOutcomes();
    });
  }

  /** Entries that wait for the log. */
  queued(): number {
    return this.#queue.length;
  }

  /** Writes what is still owed, for at most 2 s, and the end of this boot. */
  async stop(): Promise<void> {
    this.#suppressed.stop();
    this.#appendOutcomes();
    const last = this.#sequences
      .organizations()
      .map((organizationId) => this.#control(organizationId, { type: 'gateway.stopped', bootId: this.bootId }));
    clearTimeout(this.#retrying);
    await Promise.race([
      Promise.all([...last, this.#retry()]),
      new Promise<void>((resolve) => startTimer('recorder', STOP_TIMEOUT_MS, resolve)),
    ]);
    this.#stopped = true;
    this.#appendOutcomes();
    clearTimeout(this.#lingering);
    clearTimeout(this.#retrying);
  }

  #number(organizationId: string): Numbered {
    if (this.#sequences.isNew(organizationId))
      inBackground('recorder', this.#control(organizationId, { type: 'gateway.started', bootId: this.bootId }));
    return this.#sequences.next(organizationId);
  }

  #entry(decision: Unnumbered, { sequence, abandoned }: Numbered): LogEntry {
    const place = { bootId: this.bootId, sequence, abandoned };
    const text = decidedText(decision, place);
    return toEntry(decision, lengthRefusal(text) ? decidedText(shortDecision(decision), place) : text);
  }

  #control(organizationId: string, body: RecordBody): Promise<void> {
    const event = {
      id: newId('evt'),
      version: 1,
      time: new Date().toISOString(),
      organizationId,
      actor: { type: 'system', id: 'gateway' },
      ...body,
    } as const;
    const entry = toEntry(event);
    return new Promise((done) => {
      this.#log.append('toolgate.control', entry).then(
        () => done(),
        (error: unknown) => this.#enqueue({ topic: 'toolgate.control', entry, givenUp: undefined, done }, error),
      );
    });
  }

  #appendOutcomes(): void {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (const { outcome, epoch } of outcomes) {
      const entry = toEntry(outcome, completedText(outcome));
      const done = (): void => this.openCalls.leave(epoch);
      const givenUp = (): void =>
        log.error(
          'an outcome was lost: the queue is full of outcomes; it becomes unknown when this process has ended',
          { callId: outcome.callId },
        );
      this.#log
        .append('toolgate.decisions', entry)
        .then(done, (error: unknown) => this.#enqueue({ topic: 'toolgate.decisions', entry, givenUp, done }, error));
    }
  }

  /**
   * An entry that the log refuses for what it is would be refused again, and the queue would never be empty: it is
   * given up.
   */
  #enqueue(queued: Queued, error: unknown): void {
    if (isRefusedForItself(error)) return this.#giveUp(queued, error);
    if (queued.givenUp && (this.#stopped || (this.#queue.length >= MAX_QUEUED && !this.#makeRoom(queued))))
      return queued.givenUp();
    this.#queue.push(queued);
    this.#retrying ??= startTimer('recorder', RETRY_DELAY_MS, () => this.#retry());
  }

  /** Gives up the last refusal that waits, for what doesn't yield itself; false when none waits. */
  #makeRoom({ yields }: Queued): boolean {
    const at = yields ? -1 : this.#queue.findLastIndex((one) => one.yields);
    const [displaced] = at < 0 ? [] : this.#queue.splice(at, 1);
    displaced?.givenUp?.();
    return displaced !== undefined;
  }

  #giveUp({ topic, entry, givenUp, done }: Queued, error: unknown): void {
    log.error('the log refuses an entry for what it is; it is not on record', {
      topic,
      id: entry.id,
      type: entry.type,
      organizationId: entry.key,
      error: errorText(error),
    });
    if (givenUp) givenUp();
    else done?.();
  }

  /** Appends; resolves to those that were not acknowledged and may be tried again. */
  async #append(batch: readonly Queued[]): Promise<readonly Queued[]> {
    const results = await Promise.allSettled(batch.map((one) => this.#log.append(one.topic, one.entry)));
    return batch.filter((one, index) => {
      const result = results[index];
      if (result?.status === 'rejected' && !isRefusedForItself(result.reason)) return true;
      if (result?.status === 'rejected') this.#giveUp(one, result.reason);
      else one.done?.();
      return false;
    });
  }

  /**
   * One entry shows whether the log is back: trying all of a long queue five times a second would keep the process from
   * its calls.
   */
  async #retry(): Promise<void> {
    const [first] = this.#queue.splice(0, 1);
    const back = first && (await this.#append([first])).length === 0;
    const batch = back ? this.#queue.splice(0) : [];
    const failed = await this.#append(batch);
    for (const one of failed) this.#queue.push(one);
    if (first && !back) this.#queue.push(first);
    this.#retrying =
      this.#queue.length > 0 && !this.#stopped
        ? startTimer('recorder', RETRY_DELAY_MS, () => this.#retry())
        : undefined;
  }
}
