import { Inject, Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/ids.js';
import { Vault } from '../../platform/crypto/vault.js';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { pageStart, toPage, type Page, type PageQuery } from '../../platform/rest/page.js';
import { reportFailure } from '../../platform/runtime/guard.js';
import { OUTBOUND } from '../../platform/runtime/parts.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { CreateOnce } from '../event-store/create-once.js';
import { EventStore } from '../event-store/event-store.js';
import { cancelBackfill, countRunning, findBackfill, listBackfills } from './backfills.store.js';
import { cleanAnswer } from './delivery/clean-answer.js';
import { insertCursor } from './delivery/cursors.store.js';
import { listDeadLetters, markForRedrive, type StoredLetter } from './delivery/dead-letters.store.js';
import { isAlive } from './delivery/nodes.store.js';
import { openStream, type OpenedStream } from './delivery/stream-run.js';
import { testBatch } from './delivery/test-event.js';
import { readHealth } from './health.query.js';
import type { SendResult } from './kind.js';
import { findLogStream, type StoredLogStream } from './log-streams.store.js';
import type {
  BackfillView,
  CreateBackfill,
  DeadLetterView,
  LogStreamHealth,
  LogStreamTest,
  RedriveView,
} from './operations.dto.js';
import { readRange } from './requests.js';
import { loadStreamSecrets } from './stream-secrets.js';

const MAX_RUNNING_BACKFILLS = 2;
const TEST_TURNS = { slots: 8, slotsPerKey: 2, waiting: 40, waitingPerKey: 4, waitMs: 20_000 };

/** Facts about log streams that change no stream lie in the event store under this name. */
const FACTS = 'logStreams';

const letterView = ({ at, ...letter }: StoredLetter): DeadLetterView => ({ ...letter, at: at.toISOString() });

const seqKey = (seq: number): string => String(seq).padStart(15, '0');

/** What people do with a log stream besides changing it. All refusals are Problems. */
@Injectable()
export class LogStreamOperationsService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;
  readonly #vault: Vault;
  readonly #outbound: Outbound;
  @Inject(Database) private readonly database!: Database;
  readonly #tests = new FairTurns(TEST_TURNS);

  constructor(store: EventStore, once: CreateOnce, vault: Vault, @Inject(OUTBOUND) outbound: Outbound) {
    this.#store = store;
    this.#once = once;
    this.#vault = vault;
    this.#outbound = outbound;
  }

  /** @throws Problem not_found */
  async health({ organizationId }: Principal, id: string): Promise<LogStreamHealth> {
    const { owner, ...health } = await this.#store.read(organizationId, async (tx) =>
      readHealth(tx, organizationId, await this.#existing(tx, organizationId, id)),
    );
    return { ...health, running: await isAlive(this.database, owner) };
  }

  /**
   * Sends one marked event that is on no record. @throws Problem not_found, conflict (its config can't be read),
   * too_many_requests
   */
  async test(principal: Principal, id: string): Promise<LogStreamTest> {
    const { organizationId } = principal;
    const opened = await this.#store.read(organizationId, (tx) => this.#opened(tx, organizationId, id));
    const answer = await this.#tests.run(organizationId, () => sendTest(opened, { organizationId, streamId: id }));
    await this.#store.change(principal, (change) =>
      change.appendFact(FACTS, { type: 'logStream.tested', streamId: id, delivered: answer.delivered }),
    );
    return answer;
  }

  /** @throws Problem not_found, invalid_body, conflict (two run already) */
  createBackfill(principal: Principal, id: string, body: CreateBackfill): Promise<BackfillView> {
    const { organizationId } = principal;
    const of = { organizationId, streamId: id };
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(newId('bkf')),
      create: async (change, backfillId) => {
        await this.#existing(change.tx, organizationId, id);
        const { place, toSeq } = await readRange(change.tx, organizationId, body);
        if ((await countRunning(change.tx, of)) >= MAX_RUNNING_BACKFILLS)
          throw new Problem('conflict', `A log stream has at most ${MAX_RUNNING_BACKFILLS} backfills that run.`);
        await insertCursor(change.tx, { ...of, id: backfillId, place, toSeq });
        const range = { fromSeq: place.seq, toSeq };
        await change.appendFact(FACTS, { type: 'logStream.backfillStarted', streamId: id, backfillId, ...range });
        return this.#backfill(change.tx, of, backfillId);
      },
    });
  }

  async listBackfills({ organizationId }: Principal, id: string, query: PageQuery): Promise<Page<BackfillView>> {
    const { after, rows, limit } = pageStart(query);
    const found = await this.#store.read(organizationId, async (tx) => {
      await this.#existing(tx, organizationId, id);
      return listBackfills(tx, { organizationId, streamId: id }, { after, limit: rows });
    });
    return toPage(found, limit, { keyOf: (one) => one.id, view: (one) => one });
  }

  /** @throws Problem not_found */
  getBackfill({ organizationId }: Principal, id: string, backfillId: string): Promise<BackfillView> {
    return this.#store.read(organizationId, async (tx) => {
      await this.#existing(tx, organizationId, id);
      return this.#backfill(tx, { organizationId, streamId: id }, backfillId);
    });
  }

  /** Ends a backfill; one that has ended stays as it is. @throws Problem not_found */
  async cancelBackfill(principal: Principal, id: string, backfillId: string): Promise<void> {
    const { organizationId } = principal;
    const of = { organizationId, streamId: id };
    await this.#store.change(principal, async (change) => {
      await this.#existing(change.tx, organizationId, id);
      await this.#backfill(change.tx, of, backfillId);
      if (await cancelBackfill(change.tx, of, backfillId))
        await change.appendFact(FACTS, { type: 'logStream.backfillCancelled', streamId: id, backfillId });
    });
  }

  /** @throws Problem not_found */
  async deadLetters({ organizationId }: Principal, id: string, query: PageQuery): Promise<Page<DeadLetterView>> {
    const { after, rows, limit } = pageStart(query);
    const found = await this.#store.read(organizationId, async (tx) => {
      await this.#existing(tx, organizationId, id);
      const from = { afterSeq: Number(after) || 0, limit: rows };
      return listDeadLetters(tx, { organizationId, streamId: id }, from);
    });
    return toPage(found, limit, { keyOf: ({ seq }) => seqKey(seq), view: letterView });
  }

  /** Has all dead letters sent again, one by one; those that are delivered go. @throws Problem not_found */
  redrive(principal: Principal, id: string): Promise<RedriveView> {
    const { organizationId } = principal;
    const of = { organizationId, streamId: id };
    return this.#store.change(principal, async (change) => {
      await this.#existing(change.tx, organizationId, id);
      const { rows, limit } = pageStart({});
      const found = await listDeadLetters(change.tx, of, { afterSeq: 0, limit: rows });
      const redriven = await markForRedrive(change.tx, of);
      if (redriven > 0) await change.appendFact(FACTS, { type: 'logStream.redriven', streamId: id, records: redriven });
      const page = toPage(found, limit, { keyOf: ({ seq }) => seqKey(seq), view: letterView });
      return { ...page, redriven };
    });
  }

  async #existing(tx: Tx, organizationId: string, id: string): Promise<StoredLogStream> {
    const found = await findLogStream(tx, organizationId, id);
    if (!found) throw notFound('log stream');
    return found;
  }

  async #backfill(
    tx: Tx,
    of: Readonly<{ organizationId: string; streamId: string }>,
    backfillId: string,
  ): Promise<BackfillView> {
    const found = await findBackfill(tx, of, backfillId);
    if (!found) throw notFound('backfill');
    return found;
  }

  async #opened(tx: Tx, organizationId: string, id: string): Promise<OpenedStream> {
    const { stream } = await this.#existing(tx, organizationId, id);
    const secrets = await loadStreamSecrets({ tx, vault: this.#vault, organizationId, streamId: id });
    const of = { organizationId, streamId: id, outbound: this.#outbound };
    const opened = secrets && openStream({ stream, secrets }, of);
    if (!opened) throw new Problem('conflict', 'The config of this stream can not be read: give it again by PATCH.');
    return opened;
  }
}

const TEST_TIMEOUT_MS = 40_000;

const errorOf = (result: SendResult): string | null => {
  if (result.outcome === 'accepted') return null;
  if (result.outcome === 'accepted_except') return 'record_refused';
  return result.answer && result.answer.httpStatus === null ? `${result.code}: ${result.answer.body}` : result.code;
};

const sendTest = async (
  { openNewest, deps }: OpenedStream,
  of: Readonly<{ organizationId: string; streamId: string }>,
): Promise<LogStreamTest> => {
  const startedAt = performance.now();
  const destination = openNewest();
  const result = await destination
    .send(testBatch(of, deps), AbortSignal.timeout(TEST_TIMEOUT_MS))
    .catch((error: unknown): SendResult => {
      reportFailure('log_stream_test', error);
      return { outcome: 'retry', code: 'internal', answer: null, timedOut: false };
    });
  await destination.close();
  const answer = result.outcome === 'accepted_except' ? (result.refused[0]?.answer ?? result.answer) : result.answer;
  const clean = answer && cleanAnswer(answer, deps.secrets);
  return {
    delivered: result.outcome === 'accepted',
    answer: clean && clean.httpStatus !== null ? clean : null,
    error: errorOf(result),
    durationMs: Math.round(performance.now() - startedAt),
  };
};
