import type { Tx } from '../../platform/postgres/database.js';

/** What usage may be grouped by, as in the query and in the answer. */
export const GROUPS = ['grant', 'identity', 'server', 'tool', 'effect'] as const;
export type Group = (typeof GROUPS)[number];

export const INTERVALS = ['hour', 'day'] as const;
export type Interval = (typeof INTERVALS)[number];

/** The most items that one answer holds. */
export const MAX_ITEMS = 10_000;

/** `from` is inclusive and `to` exclusive; an hour counts when any of it is in the range. */
export type UsageRequest = Readonly<{ groupBy: readonly Group[]; interval: Interval; from: Date; to: Date }>;

/**
 * Sums of one hour or day (UTC, beginning at `from`) and one value of each group; a call without a tool has `tool:
 * null`.
 */
export type UsageItem = Readonly<
  { from: string; calls: number; completed: number; failed: number } & Partial<Record<Group, string | null>>
>;

const COLUMNS: Readonly<Record<Group, string>> = {
  grant: 'grant_id',
  identity: 'identity_id',
  server: 'server_id',
  tool: 'tool',
  effect: 'effect',
};

type Row = Record<Group, string> & { from: Date; calls: number; completed: number; failed: number };

/**
 * The usage of an organization, in order of time and then of the groups' values by code point; undefined when it is
 * more than MAX_ITEMS.
 */
export const readUsage = async (
  tx: Tx,
  organizationId: string,
  request: UsageRequest,
): Promise<readonly UsageItem[] | undefined> => {
  const groups = [...new Set(request.groupBy)];
  const columns = groups.map((group) => `${COLUMNS[group]} as "${group}"`);
  const keys = groups.map((group) => `${COLUMNS[group]} collate "C"`);
  const { rows } = await tx.query<Row>(
    `select ${['date_trunc($4, hour, \'UTC\') as "from"', ...columns].join(', ')}, sum(calls)::bigint as calls,
      sum(completed)::bigint as completed, sum(failed)::bigint as failed
     from usage_hourly where organization_id = $1 and hour >= date_trunc('hour', $2::timestamptz, 'UTC')
       and hour < $3::timestamptz
     group by ${[1, ...groups.map((group) => COLUMNS[group])].join(', ')} order by ${['1', ...keys].join(', ')}
       limit ${MAX_ITEMS + 1}`,
    [organizationId, request.from, request.to, request.interval],
  );
  if (rows.length > MAX_ITEMS) return undefined;
  return rows.map(({ from, calls, completed, failed, ...row }) => ({
    from: from.toISOString(),
    ...Object.fromEntries(groups.map((group) => [group, row[group] === '' ? null : row[group]])),
    calls,
    completed,
    failed,
  }));
};
