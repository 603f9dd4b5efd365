/** The filters of the log that come from values of its rows; each may hold several values, any of which matches. */
export const FILTERS = [
  'effect',
  'code',
  'tool',
  'rule',
  'identityId',
  'grantId',
  'serverId',
  'policyId',
  'callId',
] as const;
export type Filter = (typeof FILTERS)[number];

/** What a link to the log says: the filters, the range, the order, and the decision that is open. */
export type LogSearch = Readonly<
  Partial<Record<Filter, string[]>> & { from?: string; to?: string; order?: 'newest' | 'oldest'; open?: string }
>;

const MAX_VALUES = 100;
const MAX_LENGTH = 1000;

const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value])
    .flatMap((one) => (typeof one === 'string' || typeof one === 'number' ? [String(one)] : []))
    .filter((one) => one !== '' && one.length <= MAX_LENGTH)
    .slice(0, MAX_VALUES);

/** Reads the search parameters of a link; what they should not hold is left out. */
export function readLogSearch(raw: Readonly<Record<string, unknown>>): LogSearch {
  const filters = FILTERS.flatMap((filter) => {
    const values = textsOf(raw[filter]);
    return values.length === 0 ? [] : [[filter, values] as const];
  });
  const { from, to, order, open } = raw;
  return {
    ...(Object.fromEntries(filters) as Partial<Record<Filter, string[]>>),
    ...(isTime(from) && { from }),
    ...(isTime(to) && { to }),
    ...((order === 'newest' || order === 'oldest') && { order }),
    ...(typeof open === 'string' && /^call_\w{1,64}$/.test(open) && { open }),
  };
}

const isTime = (value: unknown): value is string => typeof value === 'string' && !Number.isNaN(Date.parse(value));

const OF_DECISIONS: readonly Filter[] = ['effect', 'code', 'rule', 'policyId'];

/**
 * The query of `GET /v1/audit/events` for a link. Outcomes have none of the columns of decisions, so they are asked for
 * only where no filter is about one of these.
 */
export function eventsQuery(search: LogSearch): URLSearchParams {
  const query = new URLSearchParams({ type: 'toolCall.decided' });
  if (OF_DECISIONS.every((filter) => search[filter] === undefined)) query.append('type', 'toolCall.completed');
  for (const filter of FILTERS) for (const value of search[filter] ?? []) query.append(filter, value);
  if (search.from !== undefined) query.set('from', new Date(search.from).toISOString());
  return query;
}
