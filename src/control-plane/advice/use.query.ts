import type { Tx } from '../../platform/postgres/database.js';

/** The calls of a grant that were recorded from `from` and before `to`. */
export type UseRange = Readonly<{ organizationId: string; grantId: string; from: Date; to: Date }>;

/**
 * How often a tool was used: `calls` were allowed or held; of monitored ones, those that would have been when enforced.
 */
export type ToolUse = Readonly<{ tool: string; calls: number; lastUsedAt: Date }>;

// Events are written without white space, and what looks like this within a text of theirs is escaped: so the bytes
// tell, without reading JSON.
const TOOL_CALL = Buffer.from('"method":"tools/call"');
const WOULD = Buffer.from('"would":{');

const CALLS = `audit_records where organization_id = $1 and grant_id = $2 and type = 'toolCall.decided'
  and recorded_at >= $3 and recorded_at < $4 and tool is not null and position($5::bytea in event) > 0`;
const USED = `effect in ('allow', 'hold') and position($6::bytea in event) = 0`;

const valuesOf = ({ organizationId, grantId, from, to }: UseRange): readonly unknown[] => [
  organizationId,
  grantId,
  from,
  to,
  TOOL_CALL,
  WOULD,
];

/** When the oldest record was recorded that an organization still has, if older ones are gone. */
export const recordBegins = async (tx: Tx, organizationId: string): Promise<Date | undefined> => {
  const { rows } = await tx.query<{ at: Date }>(
    `select r.recorded_at as at from audit_heads h cross join lateral (select recorded_at from audit_records
      where organization_id = h.organization_id order by recorded_at, seq limit 1) r
     where h.organization_id = $1 and h.first_seq > 1`,
    [organizationId],
  );
  return rows[0]?.at;
};

/** More used tools than a policy can name. */
export const MAX_TOOLS = 10_000;

/** How many tool calls of a grant were decided, refused ones included. */
export const countCalls = async (tx: Tx, range: UseRange): Promise<number> => {
  const { rows } = await tx.query<{ calls: number }>(
    `select count(*) as calls from ${CALLS}`,
    valuesOf(range).slice(0, 5),
  );
  return rows[0]?.calls ?? 0;
};

/** The tools that a grant used, most used first; one more than MOST_TOOLS when there are more. */
export const readToolUse = async (tx: Tx, range: UseRange): Promise<readonly ToolUse[]> => {
  const { rows } = await tx.query<ToolUse>(
    `select tool, count(*) as calls, max(time) as "lastUsedAt" from ${CALLS} and ${USED} group by tool
      order by calls desc, tool collate "C" limit ${MAX_TOOLS + 1}`,
    valuesOf(range),
  );
  return rows;
};

/** One counter of a grant's own, and the tools whose calls add to it. */
export type CounterUse = Readonly<{ counter: string; window: string; tools: readonly string[] }>;

type PeakRow = { place: number; peak: number; at: Date; complete: boolean };

/**
 * The most that each counter took in one of its windows, and when that began; undefined where not every call's amount
 * is on record.
 */
export type Peak = Readonly<{ peak: number; at: Date }>;

const PEAKS = (amount: string): string => `
select distinct on (place) place, sum as peak, opens as at, bool_and(complete) over (partition by place) as complete
  from (
  select m.place, window_start(m.win, r.time) as opens, sum(a.amount) as sum, count(*) = count(a.amount) as complete
  from (select tool, time, event from ${CALLS} and ${USED}) r
  join unnest($7::text[], $8::int[], $9::text[], $10::text[]) m(tool, place, win, counter) on m.tool = r.tool
  left join lateral (${amount}) a on true
  group by m.place, opens) windows
order by place, sum desc nulls last, opens`;

const ONE = 'select 1::numeric as amount';
const RESERVED = `select (x->>'amount')::numeric as amount from json_array_elements(convert_from(r.event,
  'UTF8')::json->'reserved') x
  where x->>'counter' = m.counter and x->>'window' = m.win and x->>'scope' = 'grant' limit 1`;

/** The peaks of counters, by their place in the list. `spends`: calls add the amounts that were recorded, not 1. */
export const readPeaks = async (
  tx: Tx,
  range: UseRange,
  counted: readonly CounterUse[],
  spends: boolean,
): Promise<readonly (Peak | undefined)[]> => {
  const pairs = counted.flatMap(({ tools, window, counter }, place) =>
    tools.map((tool) => ({ tool, place, window, counter })),
  );
  if (pairs.length === 0) return counted.map(() => undefined);
  const columns = [
    pairs.map(({ tool }) => tool),
    pairs.map(({ place }) => place),
    pairs.map(({ window }) => window),
    pairs.map(({ counter }) => counter),
  ];
  const { rows } = await tx.query<PeakRow>(PEAKS(spends ? RESERVED : ONE), [...valuesOf(range), ...columns]);
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return counted.map((_, place) => {
    const row = byPlace.get(place);
    return row?.complete ? { peak: Number(row.peak), at: row.at } : undefined;
  });
};
