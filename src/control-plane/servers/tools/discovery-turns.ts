import type { Database } from '../../../platform/postgres/database.js';

/** A server that has turns to be discovered. */
export type DiscoveredServer = Readonly<{ organizationId: string; serverId: string }>;

/** One server's turn; `due` is when the next one would be, should this one come to no end. */
export type DiscoveryTurn = DiscoveredServer & Readonly<{ due: string }>;

const POLL_INTERVAL_SECONDS = 300;
const USED_INTERVAL_SECONDS = 3600;
/** How long a client may keep a session or a connection after its last call. */
const SESSION_IDLE_SECONDS = 1800;
const MIN_INTERVAL_SECONDS = 5;
/** A turn that takes longer died with its process, and is due again. */
const TURN_TIMEOUT_SECONDS = 600;
/**
 * A server that changes at every turn gets turns more and more rarely, so that it can't fill the event store: at most
 * 2^8 times as rarely.
 */
const INTERVAL_FACTOR = 'power(2, least(changes, 8))';

/**
 * Whether a server is asked on a timer: over HTTP, and either in the modern era, where asking opens nothing, or because
 * it could not be reached. For any other, a discovery starts a process, or opens a session beside those of clients.
 */
const POLLED = `(s.transport->>'type' <> 'stdio'
  and (s.status <> 'ready' or (s.transport->>'type' = 'streamable-http' and 'modern' = any(s.eras))))`;

/**
 * The time of the last call at a server. Sessions and connections of clients may be open until `SESSION_IDLE_SECONDS`
 * after it.
 */
const LAST_USED = `(select max(u.last_used_at) from grants g
    join grant_last_used u on u.organization_id = g.organization_id and u.grant_id = g.id
  where g.organization_id = s.organization_id and g.server_id = s.id)`;

const CALLED = `select * from servers s where not deleted and not disabled and exists (select 1 from grants g
  where g.organization_id = s.organization_id and g.server_id = s.id and g.revoked_at is null)`;

/**
 * Gives every server that clients may call a turn, and removes the turns of servers that are gone or that nobody may
 * call. A server that is not asked on a timer gets a time only when it was used since its last turn: at most one an
 * hour, and, where the discovery would open a session beside those of clients, once no client has called for half an
 * hour. What changes meanwhile is learned from the lists that clients request.
 */
export const enlistServers = async (db: Database): Promise<void> => {
  await db.worker.query(
    `insert into discovery_turns(organization_id, server_id, due_at, taken_at)
      select organization_id, id,
        case when ${POLLED} then now() + make_interval(secs => ${POLL_INTERVAL_SECONDS}) else 'infinity' end, now()
      from (${CALLED}) s on conflict do nothing`,
  );
  await db.worker.query(
    `delete from discovery_turns t where (due_at > now() or due_at < now() - interval '1 hour')
        and not exists (select 1 from (${CALLED}) s
      where s.organization_id = t.organization_id and s.id = t.server_id)`,
  );
  await db.worker.query(
    `update discovery_turns t set due_at = case
        when ${POLLED} then now() + make_interval(secs => ${POLL_INTERVAL_SECONDS})
        else greatest(now(), taken_at + make_interval(secs => ${USED_INTERVAL_SECONDS} * ${INTERVAL_FACTOR})) end
     from servers s where s.organization_id = t.organization_id and s.id = t.server_id and t.due_at = 'infinity'
       and (${POLLED} or (${LAST_USED} > t.taken_at and (s.transport->>'type' = 'stdio'
         or ${LAST_USED} < now() - make_interval(secs => ${SESSION_IDLE_SECONDS}))))`,
  );
};

/** An organization whose servers all hang must leave room for the others. */
export const MAX_TURNS_PER_ORGANIZATION = 2;

const DUE = `select organization_id, server_id from (
    select t.organization_id, t.server_id,
      row_number() over (partition by t.organization_id order by t.due_at) as place
    from discovery_turns t join servers s on s.organization_id = t.organization_id and s.id = t.server_id
    where t.due_at <= now() and (s.transport->>'type' = 'stdio') = $2 and t.organization_id <> all ($3)) due
  where place <= ${MAX_TURNS_PER_ORGANIZATION} order by place, random() limit $1`;

/** Which turns to take: of stdio servers or of others, and not of organizations that have enough under way. */
export type WantedTurns = Readonly<{ stdio: boolean; limit: number; busyOrganizations: readonly string[] }>;

/**
 * Takes turns that are due: of each organization those that have waited longest, and of any organizations when there
 * are many.
 */
export const takeTurns = async (
  db: Database,
  { stdio, limit, busyOrganizations }: WantedTurns,
): Promise<readonly DiscoveryTurn[]> => {
  const { rows } = await db.worker.query<DiscoveryTurn>(
    `update discovery_turns t set taken_at = now(), due_at = now() + make_interval(secs => case
        when ${POLLED} then ${POLL_INTERVAL_SECONDS} * ${INTERVAL_FACTOR} * (0.9 + 0.2 * random())
        else ${TURN_TIMEOUT_SECONDS} end)
     from (select organization_id as o, server_id as i from discovery_turns where due_at <= now()
       and (organization_id, server_id) in (${DUE}) for update skip locked) d, servers s
     where t.organization_id = d.o and t.server_id = d.i and s.organization_id = d.o and s.id = d.i
       returning t.organization_id as "organizationId", t.server_id as "serverId", t.due_at::text as due`,
    [limit, stdio, busyOrganizations],
  );
  return rows;
};

/**
 * Ends a turn. A discovery that changed the server's tools counts among those in a row that did; one that changed
 * nothing ends the row. A server that is not asked on a timer has no next turn, unless one was requested meanwhile.
 */
export const endTurn = async (
  db: Database,
  { organizationId, serverId, due }: DiscoveryTurn,
  changed: boolean,
): Promise<void> => {
  await db.worker.query(
    `update discovery_turns t set changes = case when $3 then changes + 1 else 0 end,
      due_at = case when due_at = $4::timestamptz and not ${POLLED} then 'infinity' else due_at end
     from servers s where s.organization_id = t.organization_id and s.id = t.server_id
       and t.organization_id = $1 and t.server_id = $2`,
    [organizationId, serverId, changed, due],
  );
};

/**
 * Makes a server's turn due now, as the server said that its tools changed, or is still starting; not sooner after the
 * last turn than the row of changes allows.
 */
export const hastenTurn = async (db: Database, { organizationId, serverId }: DiscoveredServer): Promise<void> => {
  await db.worker.query(
    `insert into discovery_turns(organization_id, server_id, due_at) values ($1, $2, now())
      on conflict (organization_id, server_id) do update
     set due_at = least(discovery_turns.due_at, greatest(now(),
       discovery_turns.taken_at + make_interval(secs => ${MIN_INTERVAL_SECONDS} * power(2,
        least(discovery_turns.changes,
       8)))))`,
    [organizationId, serverId],
  );
};
