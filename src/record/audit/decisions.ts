import type { RecordBody, ToolCallDecided } from '../event-log/events/index.js';
import type { Look, Tx } from '../../platform/postgres/database.js';

/** Which decisions to read; `from` is inclusive and `to` exclusive, and both compare with `recordedAt`. */
export type DecisionRange = Readonly<{ organizationId: string; serverId: string; from: Date; to: Date }>;

/**
 * What the record holds about the calls of a server, in order. `notSent`: the outcome of a call means that none of its
 * bytes were sent; when it is not `sure`, that may be so.
 */
export type RecordedFact =
  | Readonly<{ kind: 'decided'; event: ToolCallDecided }>
  | Readonly<{ kind: 'notSent'; callId: string; sure: boolean; timeMs: number }>
  | Readonly<{ kind: 'suppressed'; grantId: string | null; refusals: number }>;

/** A page of facts, and how many of the range's records are read at its end. */
export type RecordedPage = Readonly<{ facts: readonly RecordedFact[]; done: number; total: number }>;

/** Times are epoch milliseconds: a Date for each of many rows costs more than the rest of it. */
type Row = {
  seq: number;
  atMs: number;
  callId: string | null;
  status: string | null;
  timeMs: number | null;
  event: Buffer | null;
};
type At = Readonly<{ seq: number; atMs: number }>;

const PAGE_SIZE = 2000;
const IN_RANGE = 'from audit_records where organization_id = $1 and recorded_at >= $2 and recorded_at < $3';

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;

/** Outcomes of calls whose bytes were never sent (true), or perhaps not (false). */
const NOT_SENT = { not_forwarded: true, upstream_unreachable: false, cancelled: false } as const;

/** The places of the first and the last record of a range. */
const endsOf = async (
  tx: Tx,
  { organizationId, from, to }: DecisionRange,
): Promise<Readonly<{ first: At; last: At }> | undefined> => {
  const end = async (order: 'asc' | 'desc'): Promise<At | undefined> =>
    (
      await tx.query<At>(
        `select seq, ${ms('recorded_at')} as "atMs" ${IN_RANGE} order by recorded_at ${order}, seq ${order} limit 1`,
        [organizationId, from, to],
      )
    ).rows[0];
  const [first, last] = [await end('asc'), await end('desc')];
  return first && last && { first, last };
};

/**
 * Every record of the range counts for the page, so that a statement's time is bounded however rare the server's calls
 * are; only of theirs more than the place is sent.
 */
const PAGE_OF = `
select seq, ${ms('recorded_at')} as "atMs", case when not_sent then call_id end as "callId", case
  when not_sent then status end as status, case when not_sent then ${ms('time')} end as "timeMs",
  case when server_id = $4 and type in ('toolCall.decided', 'audit.suppressed') then event end as event
from (select *, server_id = $4 and type = 'toolCall.completed' and status in (${Object.keys(NOT_SENT)
  .map((status) => `'${status}'`)
  .join(', ')}) as not_sent
  ${IN_RANGE} and seq >= $5 and seq <= $6 order by recorded_at, seq limit ${PAGE_SIZE}) page`;

const factsIn = ({ callId, status, timeMs, event }: Row): readonly RecordedFact[] => {
  if (callId !== null && timeMs !== null)
    return [{ kind: 'notSent', callId, sure: NOT_SENT[status as keyof typeof NOT_SENT], timeMs }];
  if (event === null) return [];
  const read = JSON.parse(event.toString()) as ToolCallDecided | Extract<RecordBody, { type: 'audit.suppressed' }>;
  return [
    read.type === 'toolCall.decided'
      ? { kind: 'decided', event: read }
      : { kind: 'suppressed', grantId: read.grantId, refusals: read.refusals },
  ];
};

/**
 * The calls of a server as they were recorded in a range of time, up to what was there when it began; a page at a time,
 * each in a transaction of its own, while the caller works on the one before.
 * @throws when records in its middle are gone (retention), so that a part never passes for the whole.
 */
export async function* readDecisions(look: Look, range: DecisionRange): AsyncGenerator<RecordedPage> {
  const { organizationId, serverId, to } = range;
  const ends = await look((tx) => endsOf(tx, range));
  if (!ends) return;
  const { first, last } = ends;
  const read = (at: At): Promise<readonly Row[]> => {
    const rows = look(
      async (tx) =>
        (await tx.query<Row>(PAGE_OF, [organizationId, new Date(at.atMs), to, serverId, at.seq, last.seq])).rows,
    );
    // It may fail while the caller is busy with the page before; whoever awaits it learns of it all the same.
    rows.catch(() => undefined);
    return rows;
  };
  let next: Promise<readonly Row[]> | undefined = read(first);
  try {
    for (let { seq } = first; next !== undefined;) {
      const rows: readonly Row[] = await next;
      const end = rows.at(-1);
      if (rows[0]?.seq !== seq || end?.seq !== seq + rows.length - 1)
        throw new Error('records were dropped by retention while they were read');
      seq = end.seq + 1;
      next = seq > last.seq ? undefined : read({ seq, atMs: end.atMs });
      yield { facts: rows.flatMap(factsIn), done: seq - first.seq, total: last.seq - first.seq + 1 };
    }
  } finally {
    // Who leaves early leaves no statement running behind.
    await next?.catch(() => undefined);
  }
}
