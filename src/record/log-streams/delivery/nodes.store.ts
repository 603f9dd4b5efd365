import type { Database } from '../../../platform/postgres/database.js';

/** A node that was not seen for this long has lost its streams to others. */
export const NODE_TTL_SECONDS = 9;

const SEEN = `insert into log_stream_nodes(id, seen_at) values ($1, now())
  on conflict (id) do update set seen_at = now()`;

const RUNNABLE = `c.id = c.stream_id and s.organization_id = c.organization_id and s.id = c.id and not s.deleted
  and s.stopped is null`;
const ALIVE = `n.seen_at > now() - interval '${NODE_TTL_SECONDS} s'`;

/** An equal share of all streams, rounded up. */
const SHARE = `ceil(count(*)::float8 / greatest(1, (select count(*) from log_stream_nodes n where ${ALIVE})))`;

/** Streams that no living node runs, up to an equal share of all of them. */
const CLAIM = `
with free as (
  select c.organization_id, c.id from log_stream_cursors c, log_streams s where ${RUNNABLE}
    and c.owner is distinct from $1
    and not exists (select 1 from log_stream_nodes n where n.id = c.owner and ${ALIVE})
  order by random() limit greatest(0, (
    select ${SHARE} - count(*) filter (where c.owner = $1) from log_stream_cursors c, log_streams s where ${RUNNABLE})))
update log_stream_cursors c set owner = $1 from free f
  where c.organization_id = f.organization_id and c.id = f.id
    and not exists (select 1 from log_stream_nodes n where n.id = c.owner and n.id <> $1 and ${ALIVE})`;

/** A stream of a node, and what there is to do: `key` changes when it has to be opened anew. */
export type OwnedStream = Readonly<{
  organizationId: string;
  streamId: string;
  key: string;
  cursorSeq: number;
  nextSeq: number;
  redrive: boolean;
  /** How many streams this node should run at most, by now. */
  share: number;
}>;

const OWNED = `
select c.organization_id as "organizationId", c.id as "streamId", c.next_seq as "cursorSeq",
  coalesce(h.next_seq, 1) as "nextSeq",
  exists (select 1 from log_stream_dead_letters d where d.organization_id = c.organization_id
    and d.stream_id = c.id and d.redrive) as redrive,
  (select ${SHARE}::int from log_stream_cursors c, log_streams s where ${RUNNABLE}) as share,
  s.version || ':' || c.restarts || ':' || coalesce((select string_agg(b.id, ',' order by b.id)
    from log_stream_cursors b where b.organization_id = c.organization_id and b.stream_id = c.id
      and b.id <> c.id and b.status in ('active', 'degraded', 'auth_error')), '') as key
from log_stream_cursors c join log_streams s on s.organization_id = c.organization_id and s.id = c.id
  left join audit_heads h on h.organization_id = c.organization_id
where c.owner = $1 and ${RUNNABLE}`;

/** Says that this node lives. */
export const seen = async (db: Database, owner: string): Promise<void> => {
  await db.asStreams((tx) => tx.prepared('log-stream-seen', SEEN, [owner]));
};

/** Whether a node lives. */
export const isAlive = async (db: Database, owner: string | null): Promise<boolean> =>
  owner !== null &&
  (await db.asStreams((tx) => tx.query(`select 1 from log_stream_nodes n where n.id = $1 and ${ALIVE}`, [owner])))
    .rowCount === 1;

/** Takes streams that nobody runs, and answers all that this node runs. */
export const ownedStreams = (db: Database, owner: string): Promise<readonly OwnedStream[]> =>
  db.asStreams(async (tx) => {
    await tx.prepared('log-stream-claim', CLAIM, [owner]);
    return (await tx.prepared<OwnedStream>('log-stream-owned', OWNED, [owner])).rows;
  });

/** Gives up a stream of a node, so that another takes it. */
export const release = async (
  db: Database,
  owner: string,
  { organizationId, streamId }: Readonly<{ organizationId: string; streamId: string }>,
): Promise<void> => {
  await db.asStreams((tx) =>
    tx.query('update log_stream_cursors set owner = null where organization_id = $1 and id = $2 and owner = $3', [
      organizationId,
      streamId,
      owner,
    ]),
  );
};

/** Gives up every stream of a node that ends, so that others take them at once. */
export const leave = async (db: Database, owner: string): Promise<void> => {
  await db.asStreams(async (tx) => {
    await tx.query('update log_stream_cursors set owner = null where owner = $1', [owner]);
    await tx.query("delete from log_stream_nodes where id = $1 or seen_at < now() - interval '1 day'", [owner]);
  });
};
