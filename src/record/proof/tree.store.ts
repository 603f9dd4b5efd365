import type { Tx } from '../../platform/postgres/database.js';
import { withinBytes } from '../../platform/postgres/within-bytes.js';
import type { StoredEvent } from '../audit/audit.query.js';
import type { Hash } from './merkle.js';
import type { ReadTiles, Tile } from './tiles.js';

/** An organization's tree: leaf i is the record `firstSeq + i`; `recordedAt` is the time of its last record. */
export type Tree = Readonly<{ origin: string; firstSeq: number; size: number; recordedAt: Date | null }>;

/** A checkpoint as it is kept; `note` is what was signed. */
export type StoredCheckpoint = Readonly<{ treeSize: number; root: Hash; time: Date; note: string }>;

const TREE = `select origin, first_seq as "firstSeq", size, recorded_at as "recordedAt" from proof_trees
  where organization_id = $1`;

/** Longer records can't be entries of tiles (C2SP tlog-tiles). */
export const MAX_LEAF_BYTES = 65_535;
/** What `seq` and `recordedAt` may add to an event. */
const MAX_SUFFIX_BYTES = 80;

/**
 * Begins an organization's tree at its oldest kept record, or behind the newest one that is too long to be an entry.
 * Its origin stays what it is.
 */
export const beginTree = async (tx: Tx, organizationId: string, origin: string): Promise<void> => {
  await tx.query(
    `insert into proof_trees(organization_id, origin, first_seq)
     select h.organization_id, $2 || '/' || h.organization_id, greatest(h.first_seq, coalesce((
       select max(seq) + 1 from audit_records where organization_id = $1 and octet_length(event) > $3), 1))
     from audit_heads h where h.organization_id = $1
       and not exists (select 1 from proof_trees where organization_id = $1) on conflict do nothing`,
    [organizationId, origin, MAX_LEAF_BYTES - MAX_SUFFIX_BYTES],
  );
};

/** The tree, locked until the transaction ends; undefined when there is none or another process holds it. */
export const lockTree = async (tx: Tx, organizationId: string): Promise<Tree | undefined> =>
  (await tx.prepared<Tree>('proof-lock-tree', `${TREE} for update skip locked`, [organizationId])).rows[0];

/** The tree as it is; undefined before its first record. */
export const findTree = async (tx: Tx, organizationId: string): Promise<Tree | undefined> =>
  (await tx.query<Tree>(TREE, [organizationId])).rows[0];

/** The `seq` of the oldest record that retention has left. */
export const firstKeptSeq = async (tx: Tx, organizationId: string): Promise<number> =>
  (
    await tx.query<{ seq: number }>('select first_seq as seq from audit_heads where organization_id = $1', [
      organizationId,
    ])
  ).rows[0]?.seq ?? 1;

const PAGE_SIZE = 1000;
const MAX_PAGE_BYTES = 8 * 2 ** 20;

const NEXT_RECORDS = withinBytes(
  `select seq, recorded_at as "recordedAt", event from audit_records
    where organization_id = $1 and recorded_at >= coalesce($3::timestamptz, '-infinity') and seq >= $2
      order by recorded_at, seq limit ${PAGE_SIZE}`,
  'octet_length(event)',
  MAX_PAGE_BYTES,
);

/** The organization's next records from a place on, in order of `seq`: 1000 at most, fewer when they take 8 MiB. */
export const nextRecords = async (
  tx: Tx,
  organizationId: string,
  from: Readonly<{ seq: number; recordedAt: Date | null }>,
): Promise<readonly StoredEvent[]> =>
  (await tx.prepared<StoredEvent>('proof-next-records', NEXT_RECORDS, [organizationId, from.seq, from.recordedAt]))
    .rows;

/** Reads tiles of an organization within a transaction. */
export const tilesOf =
  (tx: Tx, organizationId: string): ReadTiles =>
  async (places) =>
    (
      await tx.prepared<Tile>(
        'proof-tiles',
        `select t.level, t.index, t.hashes from proof_tiles t
          join unnest($2::smallint[], $3::bigint[]) p(level, index) on t.level = p.level and t.index = p.index
         where t.organization_id = $1`,
        [organizationId, places.map(({ level }) => level), places.map(({ index }) => index)],
      )
    ).rows;

/** The time of the first record of a tile of level 0; null when there is no such tile. */
export const tileTime = async (tx: Tx, organizationId: string, index: number): Promise<Date | null> =>
  (
    await tx.query<{ recordedAt: Date | null }>(
      `select recorded_at as "recordedAt" from proof_tiles
        where organization_id = $1 and level = 0 and index = $2`,
      [organizationId, index],
    )
  ).rows[0]?.recordedAt ?? null;

/** Keeps tiles that are new or longer; `recordedAt` of a tile of level 0 is the time of its first record. */
export const saveTiles = async (
  tx: Tx,
  organizationId: string,
  tiles: readonly (Tile & Readonly<{ recordedAt: Date | null }>)[],
): Promise<void> => {
  await tx.prepared(
    'proof-save-tiles',
    `insert into proof_tiles(organization_id, level, index, hashes, recorded_at)
     select $1, t.* from unnest($2::smallint[], $3::bigint[], $4::bytea[], $5::timestamptz[]) t
     on conflict (organization_id, level, index) do update set hashes = excluded.hashes`,
    [
      organizationId,
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ hashes }) => hashes),
      tiles.map(({ recordedAt }) => recordedAt),
    ],
  );
};

/** Notes how far the tree has come. */
export const moveTree = async (
  tx: Tx,
  organizationId: string,
  { size, recordedAt }: Pick<Tree, 'size' | 'recordedAt'>,
): Promise<void> => {
  await tx.prepared(
    'proof-move-tree',
    'update proof_trees set size = $2, recorded_at = $3 where organization_id = $1',
    [organizationId, size, recordedAt],
  );
};

const CHECKPOINT = `select tree_size as "treeSize", root_hash as root, time, note from proof_checkpoints
  where organization_id = $1`;

/** The newest checkpoint. */
export const newestCheckpoint = async (tx: Tx, organizationId: string): Promise<StoredCheckpoint | undefined> =>
  (
    await tx.prepared<StoredCheckpoint>('proof-newest-checkpoint', `${CHECKPOINT} order by tree_size desc limit 1`, [
      organizationId,
    ])
  ).rows[0];

/** Checkpoints of trees smaller than `below`, newest first. */
export const listCheckpoints = async (
  tx: Tx,
  organizationId: string,
  page: Readonly<{ below: number; rows: number }>,
): Promise<readonly StoredCheckpoint[]> =>
  (
    await tx.query<StoredCheckpoint>(`${CHECKPOINT} and tree_size < $2 order by tree_size desc limit $3`, [
      organizationId,
      page.below,
      page.rows,
    ])
  ).rows;

/** Checkpoints of trees of a size or larger, the smallest first. */
export const checkpointsFrom = async (
  tx: Tx,
  organizationId: string,
  page: Readonly<{ from: number; rows: number }>,
): Promise<readonly StoredCheckpoint[]> =>
  (
    await tx.query<StoredCheckpoint>(`${CHECKPOINT} and tree_size >= $2 order by tree_size limit $3`, [
      organizationId,
      page.from,
      page.rows,
    ])
  ).rows;

/** Takes the tree whose last self-check is longest ago, and over an hour; undefined when there is none. */
export const takeUnchecked = async (tx: Tx): Promise<string | undefined> =>
  (
    await tx.query<{ id: string }>(
      `update proof_trees set checked_at = now() where organization_id = (
         select organization_id from proof_trees
          where signed_size > 0 and coalesce(checked_at, '-infinity') < now() - interval '1 hour'
          order by checked_at nulls first limit 1 for update skip locked)
       returning organization_id as id`,
    )
  ).rows[0]?.id;

/** Notes what a self-check found, and answers whether that is a fault which the one before did not find. */
export const saveCheck = async (tx: Tx, organizationId: string, firstBadSeq: number | null): Promise<boolean> => {
  const { rows } = await tx.query<{ before: number | null }>(
    'select first_bad_seq as before from proof_trees where organization_id = $1 for update',
    [organizationId],
  );
  await tx.query('update proof_trees set checked_at = now(), first_bad_seq = $2 where organization_id = $1', [
    organizationId,
    firstBadSeq,
  ]);
  return firstBadSeq !== null && rows[0]?.before !== firstBadSeq;
};

/** Keeps a checkpoint. */
export const saveCheckpoint = async (
  tx: Tx,
  organizationId: string,
  { treeSize, root, time, note }: StoredCheckpoint,
): Promise<void> => {
  await tx.query(
    'insert into proof_checkpoints(organization_id, tree_size, root_hash, time, note) values ($1, $2, $3, $4, $5)',
    [organizationId, treeSize, root, time, note],
  );
  await tx.query('update proof_trees set signed_size = $2 where organization_id = $1', [organizationId, treeSize]);
};

/** A public key under which checkpoints are signed, in the note format; `until` is null while it signs. */
export type LogKey = Readonly<{ name: string; vkey: string; from: Date | null; until: Date | null }>;

const KEYS = `select name, vkey, valid_from as "from", valid_until as until from proof_keys`;

/** The keys of an organization, the newest last. */
export const keysOf = async (tx: Tx, organizationId: string): Promise<readonly LogKey[]> =>
  (await tx.query<LogKey>(`${KEYS} where organization_id = $1 order by valid_from`, [organizationId])).rows;

/** The keys of an origin, the newest last; for everybody. */
export const keysOfOrigin = async (tx: Pick<Tx, 'query'>, origin: string): Promise<readonly LogKey[]> =>
  (await tx.query<LogKey>(`${KEYS} where name = $1 and valid_from is not null order by valid_from`, [origin])).rows;

/** Publishes a key; one that is to sign next has no `from`. */
export const publishKey = async (tx: Tx, organizationId: string, key: LogKey): Promise<void> => {
  await tx.query(
    `insert into proof_keys(organization_id, name, vkey, valid_from, valid_until) values ($1, $2, $3, $4, $5)
     on conflict (organization_id, vkey) do nothing`,
    [organizationId, key.name, key.vkey, key.from, key.until],
  );
};

/** Ends the key that signs, and lets a published one sign from now on. */
export const changeKey = async (tx: Tx, organizationId: string, vkey: string, now: Date): Promise<void> => {
  await tx.query(
    `update proof_keys set valid_until = case when vkey = $2 then null else $3::timestamptz end,
       valid_from = case when vkey = $2 then $3::timestamptz else valid_from end
      where organization_id = $1 and (vkey = $2 or valid_until is null)`,
    [organizationId, vkey, now],
  );
};

/** The newest record that names a key as the one that signs next; undefined when there is none. */
export const seqOfKeyChange = async (tx: Tx, organizationId: string, vkey: string): Promise<number | undefined> =>
  (
    await tx.query<{ seq: number }>(
      `select seq from audit_records where organization_id = $1 and type = 'audit.signingKeyChanged'
        and convert_from(event, 'UTF8')::jsonb->>'vkey' = $2 order by seq desc limit 1`,
      [organizationId, vkey],
    )
  ).rows[0]?.seq;
