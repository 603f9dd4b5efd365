import type { Registry } from 'prom-client';
import type { TellAlarm } from '../../../platform/postgres/alarm.js';
import type { Database } from '../../../platform/postgres/database.js';
import { newId } from '../../../platform/crypto/ids.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { inBackground } from '../../../platform/runtime/guard.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { EventStore } from '../../event-store/event-store.js';
import { decideLogStreamSuspension } from '../log-streams.js';
import { logStreamStream } from '../log-streams.store.js';
import { raiseAlarm, raiseAlarmAlone, type AlarmCode } from './alarms.js';
import { makeStreamMetrics, type StreamMetrics } from './metrics.js';
import { leave, NODE_TTL_SECONDS, ownedStreams, release, seen, type OwnedStream } from './nodes.store.js';
import { StreamRun, type RunDeps } from './stream-run.js';

export type StreamsRoleParts = Readonly<{
  db: Database;
  store: EventStore;
  vault: Vault;
  outbound: Outbound;
  tellAlarm: TellAlarm;
  metrics: Registry;
}>;

/** `wake` is a hint that something was recorded or changed. */
export type StreamsRole = Readonly<{ wake: () => void; stop: () => Promise<void> }>;

const POLL_MS = 500;
/** Rounds follow one another no faster, however often something is recorded. */
const MIN_POLL_MS = 150;
const SEEN_EVERY_MS = 3000;
/** A node that could not say for this long that it lives stops by itself, before others take its streams. */
const LOST_AFTER_MS = (NODE_TTL_SECONDS - 2) * 1000;

type Running = Readonly<{ key: string; run: StreamRun | undefined }>;
type Of = Readonly<{ organizationId: string; streamId: string }>;

const idOf = ({ organizationId, streamId }: Of): string => `${organizationId}|${streamId}`;

const logged = ({ organizationId, streamId }: Of): Of => ({ organizationId, streamId });

/** The streams that this node runs. */
class Streams {
  readonly #parts: StreamsRoleParts;
  readonly #metrics: StreamMetrics;
  readonly #running = new Map<string, Running>();
  /** Streams that are being stopped: what hangs there holds up no other. */
  readonly #ending = new Map<string, Promise<void>>();
  /** Streams that are ahead of the log, while that is put on record. */
  readonly #suspending = new Set<string>();
  #owner = newId('boot');
  #seenAt = Number.NEGATIVE_INFINITY;

  constructor(parts: StreamsRoleParts, metrics: StreamMetrics) {
    this.#parts = parts;
    this.#metrics = metrics;
  }

  get count(): number {
    return this.#running.size;
  }

  /** Claims, starts, stops and wakes; answers when the next round is due. */
  async round(): Promise<number> {
    const { db } = this.#parts;
    try {
      await this.#sayAlive();
      await this.#follow(await ownedStreams(db, this.#owner));
    } catch (error) {
      if (performance.now() - this.#seenAt > LOST_AFTER_MS) await this.#loseAll();
      throw error;
    }
    return POLL_MS;
  }

  async #follow(owned: readonly OwnedStream[]): Promise<void> {
    const wanted = new Map(owned.map((one) => [idOf(one), one]));
    for (const [id, { key }] of this.#running) if (wanted.get(id)?.key !== key) this.#end(id);
    const share = owned[0]?.share ?? 0;
    for (const one of owned.slice(share)) this.#handOver(one);
    for (const one of owned.slice(0, share)) {
      await this.#sayAlive();
      await this.#tend(one).catch((error: unknown) =>
        log.warn('a log stream could not be started; trying again', { ...logged(one), error: errorText(error) }),
      );
    }
  }

  /** Says that this node lives, when that is due: also while it starts many streams. */
  async #sayAlive(): Promise<void> {
    if (performance.now() - this.#seenAt <= SEEN_EVERY_MS) return;
    await seen(this.#parts.db, this.#owner);
    this.#seenAt = performance.now();
  }

  #end(id: string, after: () => Promise<void> = () => Promise.resolve()): void {
    const run = this.#running.get(id)?.run;
    this.#running.delete(id);
    const ending = Promise.resolve(run?.stop())
      .then(after)
      .finally(() => this.#ending.delete(id));
    this.#ending.set(id, ending);
    inBackground('log_stream_stop', ending);
  }

  /** Gives a stream to nodes that have less than their share, once its batch is settled. One that joined has none. */
  #handOver(one: OwnedStream): void {
    if (this.#ending.has(idOf(one))) return;
    this.#end(idOf(one), () => release(this.#parts.db, this.#owner, one));
  }

  /** Starts a stream that is not running yet, and wakes one that is behind. */
  async #tend(one: OwnedStream): Promise<void> {
    if (this.#ending.has(idOf(one))) return;
    if (one.cursorSeq > one.nextSeq) return this.#stopBeyondHead(one);
    const running = this.#running.get(idOf(one)) ?? { key: one.key, run: await this.#start(one) };
    this.#running.set(idOf(one), running);
    running.run?.wake(one.nextSeq, one.redrive);
  }

  async #start(one: OwnedStream): Promise<StreamRun | undefined> {
    const run = await StreamRun.start(this.#runDeps(), one);
    if (!run) {
      log.error('a log stream can not be opened: was MASTER_KEY changed? Give its config again', logged(one));
      inBackground('log_stream_alarm', this.#alarm(one, 'unreadable'));
    }
    return run;
  }

  #runDeps(): RunDeps {
    const { db, vault, outbound } = this.#parts;
    return {
      db,
      vault,
      outbound,
      owner: this.#owner,
      now: Date.now,
      onSent: (records, bytes) => this.#metrics.sent(records, bytes),
      onMissing: (of, records) => {
        this.#metrics.missing(records);
        inBackground('log_stream_alarm', this.#alarm(of, 'records_gone'));
      },
      onAuthError: (of) => inBackground('log_stream_alarm', this.#alarm(of, 'auth_error')),
      giveUp: (of) => this.#suspend(of, 'failing'),
    };
  }

  /** Changes of an organization wait for one another: this one holds up no other stream. */
  #stopBeyondHead(one: OwnedStream): void {
    const id = idOf(one);
    this.#end(id);
    if (this.#suspending.has(id)) return;
    this.#suspending.add(id);
    const suspended = this.#suspend(one, 'cursor_beyond_head').finally(() => this.#suspending.delete(id));
    inBackground('log_stream_alarm', suspended);
  }

  async #alarm({ organizationId, streamId }: Of, code: AlarmCode): Promise<void> {
    const { store, tellAlarm } = this.#parts;
    await raiseAlarmAlone(store, tellAlarm, { organizationId, streamId, code });
  }

  async #suspend({ organizationId, streamId }: Of, reason: 'failing' | 'cursor_beyond_head'): Promise<void> {
    const { store, tellAlarm } = this.#parts;
    const code = reason === 'failing' ? 'suspended' : reason;
    await store.change({ organizationId, actor: { type: 'system', id: 'log-streams' } }, async (change) => {
      await change.apply(logStreamStream, streamId, (state) => decideLogStreamSuspension(streamId, state, reason));
      await raiseAlarm(change, tellAlarm, { organizationId, streamId, code });
    });
  }

  /** Stops everything and is another node from now on: others may run what this one ran. */
  async #loseAll(): Promise<void> {
    if (this.#running.size > 0) log.warn('this process lost its log streams: the database is out of reach');
    await this.#stopAll();
    this.#owner = newId('boot');
    this.#seenAt = Number.NEGATIVE_INFINITY;
  }

  async #stopAll(): Promise<void> {
    for (const id of this.#running.keys()) this.#end(id);
    await Promise.all(this.#ending.values());
  }

  async stop(): Promise<void> {
    await this.#stopAll();
    await leave(this.#parts.db, this.#owner).catch((error: unknown) =>
      log.warn('leaving log streams to others failed; they take them soon', { error: errorText(error) }),
    );
  }
}

/**
 * The `streams` role: runs a share of all log streams, each on one node at a time. Streams of a node that dies go on
 * elsewhere within 15 s; polling twice a second is what holds.
 */
export const startStreams = (parts: StreamsRoleParts): StreamsRole => {
  const metrics = makeStreamMetrics(parts.metrics, () => streams.count);
  const streams = new Streams(parts, metrics);
  let wokenAt = Number.NEGATIVE_INFINITY;
  const loop = startPollingLoop(() => streams.round(), { failed: 'running log streams failed', retryDelayMs: POLL_MS });
  return {
    wake: () => {
      const now = performance.now();
      if (now - wokenAt < MIN_POLL_MS) return;
      wokenAt = now;
      loop.wake();
    },
    stop: async () => {
      await loop.stop();
      await streams.stop();
    },
  };
};
