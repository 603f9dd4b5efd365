import type { Database } from '../../../platform/postgres/database.js';

/** One server's turn to be discovered anew. */
export type DiscoveryTurn = Readonly<{ organizationId: string; serverId: string }>;

const INTERVAL_SECONDS = 300;
const MIN_INTERVAL_SECONDS = 5;
/**
 * A server that changes at every turn gets them more and more rarely, so that it can't fill the event store: at most
 * 2^8 times as rarely.
 */
const INTERVAL_FACTOR = 'power(2, least(changes, 8))';

/**
 * Gives every server that clients may call a turn, and takes away those of servers that are gone or that nobody may
 * call.
 */
export const enlistServers = async (db: Database): Promise<void> => {
  const called = `select organization_id, id as server_id from servers s where not deleted and not disabled
      and exists (select 1 from grants g where g.organization_id = s.organization_id and g.server_id = s.id
        and g.revoked_at is null)`;
  await db.worker.query(
    `insert into discovery_turns(organization_id, server_id, due_at)
      select organization_id, server_id, now() + make_interval(secs => ${INTERVAL_SECONDS}) from (${called}) c
      on conflict do nothing`,
  );
  await db.worker.query(
    `delete from discovery_turns t where not exists (select 1 from (${called}) c
      where c.organization_id = t.organization_id and c.server_id = t.server_id)`,
  );
};

/** An organization whose servers all hang must leave room for the others. */
const MAX_DUE_PER_ORGANIZATION = 2;

const DUE = `select organization_id, server_id from (
    select organization_id, server_id, row_number() over (partition by organization_id order by due_at) as place
    from discovery_turns where due_at <= now()) due
  where place <= ${MAX_DUE_PER_ORGANIZATION} order by place, random() limit $1`;

/**
 * Takes turns that are due: of each organization those that have waited longest, and of any organizations when there
 * are many. Whoever takes one dies with it at no loss: the next is due already.
 */
export const takeTurns = async (db: Database, most: number): Promise<readonly DiscoveryTurn[]> => {
  const { rows } = await db.worker.query<DiscoveryTurn>(
    `update discovery_turns t set taken_at = now(),
      due_at = now() + make_interval(secs => ${INTERVAL_SECONDS} * ${INTERVAL_FACTOR} * (0.9 + 0.2 * random()))
     from (select organization_id as o, server_id as s from discovery_turns where due_at <= now()
       and (organization_id, server_id) in (${DUE}) for update skip locked) d
     where t.organization_id = d.o and t.server_id = d.s
       returning t.organization_id as "organizationId", t.server_id as "serverId"`,
    [most],
  );
  return rows;
};

/**
 * Counts a discovery that changed the server's tools among those in a row that did; one that changed nothing ends the
 * row.
 */
export const countTurn = async (
  db: Database,
  { organizationId, serverId }: DiscoveryTurn,
  changed: boolean,
): Promise<void> => {
  await db.worker.query(
    `update discovery_turns set changes = case when $3 then changes + 1 else 0 end where organization_id = $1
      and server_id = $2`,
    [organizationId, serverId, changed],
  );
};

/**
 * Makes a server's turn due now, as it said that its tools changed; not sooner after the last one than its patience
 * allows.
 */
export const hastenTurn = async (db: Database, { organizationId, serverId }: DiscoveryTurn): Promise<void> => {
  await db.worker.query(
    `insert into discovery_turns(organization_id, server_id, due_at) values ($1, $2, now())
      on conflict (organization_id, server_id) do update
     set due_at = least(discovery_turns.due_at, greatest(now(),
       discovery_turns.taken_at + make_interval(secs => ${MIN_INTERVAL_SECONDS} * power(2, least(discovery_turns.changes,
       8)))))`,
    [organizationId, serverId],
  );
};
