import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { pageStart, toPage, type PageQuery } from '../../platform/rest/page.js';
import type { TellAlarm } from '../../platform/postgres/alarm.js';
import { TELL_ALARM } from '../../platform/runtime/parts.js';
import { Problem } from '../../platform/runtime/problems.js';
import { EventStore } from '../event-store/event-store.js';
import { bundleOf } from './bundle.js';
import { checkLog, publishedKeys, reportCheck } from './self-check.js';
import { readTileFile, readTilePath } from './tile-files.js';
import { consistencyRanges, inclusionRanges } from './merkle.js';
import type {
  BundleQuery,
  CheckpointPage,
  ConsistencyQuery,
  ConsistencyView,
  LogKeysView,
  LogKeyView,
  SelfCheckView,
} from './proof.dto.js';
import { readRoots } from './tiles.js';
import {
  findTree,
  firstKeptSeq,
  keysOf,
  keysOfOrigin,
  listCheckpoints,
  newestCheckpoint,
  tilesOf,
  type LogKey,
  type StoredCheckpoint,
  type Tree,
} from './tree.store.js';

/** A tree and the newest checkpoint that was signed of it. */
export type Signed = Readonly<{ tree: Tree; checkpoint: StoredCheckpoint }>;

/** The tree and its newest checkpoint. @throws Problem not_found before the first */
export const findSigned = async (tx: Tx, organizationId: string): Promise<Signed> => {
  const tree = await findTree(tx, organizationId);
  const checkpoint = await newestCheckpoint(tx, organizationId);
  if (!tree || !checkpoint) throw new Problem('not_found', 'No checkpoint is signed yet; one follows within seconds.');
  return { tree, checkpoint };
};

const toKeyView = ({ name, vkey, from, until }: LogKey): LogKeyView => ({
  name,
  vkey,
  from: from?.toISOString() ?? '',
  until: until?.toISOString() ?? null,
});

/** Checkpoints of the audit log, and what proves records by them. */
@Injectable()
export class ProofService {
  readonly #store: EventStore;
  readonly #db: Database;

  @Inject(TELL_ALARM) private readonly tellAlarm!: TellAlarm;

  constructor(store: EventStore, db: Database) {
    this.#store = store;
    this.#db = db;
  }

  /** A page of the organization's checkpoints, newest first. @throws Problem invalid_body */
  async checkpoints(principal: Principal, query: PageQuery): Promise<CheckpointPage> {
    const { after, limit, rows } = pageStart(query);
    const below = after === '' ? Number.MAX_SAFE_INTEGER : Number(after);
    if (!Number.isSafeInteger(below))
      throw new Problem('invalid_body', 'after must be the nextCursor of the page before.');
    const { tree, found } = await this.#store.search(principal)(async (tx) => ({
      tree: await findTree(tx, principal.organizationId),
      found: await listCheckpoints(tx, principal.organizationId, { below, rows }),
    }));
    const page = toPage(found, limit, {
      keyOf: ({ treeSize }) => String(treeSize),
      view: ({ treeSize, root, time, note }) => ({
        treeSize,
        rootHash: root.toString('base64'),
        time: time.toISOString(),
        note,
      }),
    });
    return { ...page, firstSeq: tree?.firstSeq ?? null };
  }

  /** The newest checkpoint as it was signed. @throws Problem not_found */
  newest(principal: Principal): Promise<string> {
    return this.#store.search(principal)(
      async (tx) => (await findSigned(tx, principal.organizationId)).checkpoint.note,
    );
  }

  /**
   * The proof that a record is in the log, by its newest checkpoint (C2SP tlog-proof). @throws Problem not_found for a
   * record that no checkpoint covers
   */
  proofOf(principal: Principal, seq: number): Promise<string> {
    const { organizationId } = principal;
    return this.#store.search(principal)(async (tx) => {
      const { tree, checkpoint } = await findSigned(tx, organizationId);
      const leaf = seq - tree.firstSeq;
      if (!Number.isSafeInteger(seq) || leaf < 0 || leaf >= checkpoint.treeSize)
        throw new Problem('not_found', 'No checkpoint covers a record of this seq.');
      const path = await readRoots(tilesOf(tx, organizationId), inclusionRanges(leaf, checkpoint.treeSize));
      const hashes = path.map((hash) => `${hash.toString('base64')}\n`).join('');
      return `c2sp.org/tlog-proof@v1\nindex ${leaf}\n${hashes}\n${checkpoint.note}`;
    });
  }

  /** The proof that the tree of one size begins with that of another. @throws Problem not_found, invalid_body */
  consistency(principal: Principal, { from, to }: ConsistencyQuery): Promise<ConsistencyView> {
    const { organizationId } = principal;
    if (from > to) throw new Problem('invalid_body', 'from must not be larger than to.');
    return this.#store.search(principal)(async (tx) => {
      const { checkpoint } = await findSigned(tx, organizationId);
      if (to > checkpoint.treeSize) throw new Problem('not_found', 'No checkpoint covers a tree of this size.');
      const hashes = await readRoots(tilesOf(tx, organizationId), consistencyRanges(from, to));
      return { from, to, hashes: hashes.map((hash) => hash.toString('base64')) };
    });
  }

  /**
   * Puts on record that a range of records was taken, then answers them as a bundle, of which nothing is read before it
   * is asked for. @throws Problem not_found, invalid_body
   */
  async bundle(principal: Principal, { from, to }: BundleQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const { organizationId } = principal;
    if (from > to) throw new Problem('invalid_body', 'from must not be larger than to.');
    const look = this.#store.search(principal, signal);
    const { tree, checkpoint, keys, firstKept } = await look(async (tx) => ({
      ...(await findSigned(tx, organizationId)),
      keys: await keysOf(tx, organizationId),
      firstKept: await firstKeptSeq(tx, organizationId),
    }));
    if (from < firstKept) throw new Problem('not_found', `Retention took the records before ${firstKept}.`);
    if (from < tree.firstSeq || to - tree.firstSeq >= checkpoint.treeSize)
      throw new Problem('not_found', 'No checkpoint covers all of these records.');
    await this.#store.change(principal, (change) =>
      change.appendFact('audit', { type: 'audit.exported', format: 'bundle', from: String(from), to: String(to) }),
    );
    return bundleOf(look, { organizationId, tree, checkpoint, keys, fromSeq: from, toSeq: to });
  }

  /** A tile of the tree as far as the newest checkpoint covers it (C2SP tlog-tiles). @throws Problem not_found */
  async tile(principal: Principal, path: string, signal: AbortSignal): Promise<Buffer> {
    const { organizationId } = principal;
    const file = readTilePath(path);
    const look = this.#store.search(principal, signal);
    const { tree, checkpoint } = await look((tx) => findSigned(tx, organizationId));
    const bytes = file && (await readTileFile(look, organizationId, { tree, signedSize: checkpoint.treeSize, file }));
    if (!bytes) throw new Problem('not_found', 'No checkpoint covers such a tile, or retention took its records.');
    return bytes;
  }

  /**
   * Compares each kept record with what was signed, up to the newest checkpoint. What is wrong goes on record, and the
   * organization is told. @throws Problem not_found before the first checkpoint
   */
  async selfCheck(principal: Principal, signal: AbortSignal): Promise<SelfCheckView> {
    const { organizationId } = principal;
    const result = await checkLog(this.#store.search(principal, signal), organizationId, async (tx) => ({
      vkeys: await publishedKeys(tx, organizationId),
      kept: [],
    }));
    if (!result) throw new Problem('not_found', 'No checkpoint is signed yet; one follows within seconds.');
    await this.#store.change(principal, (change) => reportCheck(change, this.tellAlarm, { organizationId, result }));
    const { checkedTo, firstBadSeq } = result;
    return { checkedTo, ok: firstBadSeq === null, firstBadSeq };
  }

  /** The keys under which the checkpoints of an origin are signed; for everybody. `address` is whose turn it is. */
  async keys(origin: string, address: string): Promise<LogKeysView> {
    return { keys: (await this.#db.readPublic(address, (tx) => keysOfOrigin(tx, origin))).map(toKeyView) };
  }
}
