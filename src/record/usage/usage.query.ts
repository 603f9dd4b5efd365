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

/** Names that stand beside the ids of groups. */
export type UsageName = 'grantLabel' | 'identityName' | 'serverName';

/**
 * Sums of one hour or day (UTC, beginning at `from`) and one value of each group; a call without a tool has `tool:
 * null`.
 */
export type UsageItem = Readonly<
  { from: string; calls: number; completed: number; failed: number } & Partial<Record<Group | UsageName, string | null>>
>;

const COLUMNS: Readonly<Record<Group, string>> = {
  grant: 'grant_id',
  identity: 'identity_id',
  server: 'server_id',
  tool: 'tool',
  effect: 'effect',
};

/** The names that stand beside the ids of a group, with their SQL. What was deleted keeps its name. */
const NAMES: Readonly<Partial<Record<Group, Readonly<Record<string, string>>>>> = {
  grant: { grantLabel: 'g.label', identityName: 'i.name', serverName: 's.name' },
  identity: { identityName: 'i.name' },
  server: { serverName: 's.name' },
};

type Row = Record<Group, string> & { from: Date; calls: number; completed: number; failed: number } & Partial<
    Record<UsageName, string | null>
  >;

const namesOf = (groups: readonly Group[]): Readonly<Record<string, string>> =>
  Object.assign({}, ...groups.map((group) => NAMES[group] ?? {})) as Readonly<Record<string, string>>;

/** The id of a group in the sums; null for a group that is not asked for. */
const idIn = (groups: readonly Group[], group: Group): string => (groups.includes(group) ? `u."${group}"` : 'null');

const JOINS = (groups: readonly Group[]): string => `
  left join grants g on g.organization_id = $1 and g.id = ${idIn(groups, 'grant')}
  left join identities i on i.organization_id = $1 and i.id = coalesce(${idIn(groups, 'identity')}, g.identity_id)
  left join servers s on s.organization_id = $1 and s.id = coalesce(${idIn(groups, 'server')}, g.server_id)`;

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
  const names = namesOf(groups);
  const columns = groups.map((group) => `${COLUMNS[group]} as "${group}"`);
  const shown = ['u.*', ...Object.entries(names).map(([name, sql]) => `${sql} as "${name}"`)];
  const keys = groups.map((group) => `u."${group}" collate "C"`);
  const { rows } = await tx.query<Row>(
    `with u as (
       select ${['date_trunc($4, hour, \'UTC\') as "from"', ...columns].join(', ')}, sum(calls)::bigint as calls,
         sum(completed)::bigint as completed, sum(failed)::bigint as failed
       from usage_hourly where organization_id = $1 and hour >= date_trunc('hour', $2::timestamptz, 'UTC')
         and hour < $3::timestamptz
       group by ${[1, ...groups.map((group) => COLUMNS[group])].join(', ')})
     select ${shown.join(', ')} from u ${JOINS(groups)} order by ${['u."from"', ...keys].join(', ')}
       limit ${MAX_ITEMS + 1}`,
    [organizationId, request.from, request.to, request.interval],
  );
  if (rows.length > MAX_ITEMS) return undefined;
  return rows.map(({ from, calls, completed, failed, ...row }) => ({
    from: from.toISOString(),
    ...Object.fromEntries(groups.map((group) => [group, row[group] === '' ? null : row[group]])),
    ...Object.fromEntries(Object.keys(names).map((name) => [name, row[name as UsageName] ?? null])),
    calls,
    completed,
    failed,
  }));
};
