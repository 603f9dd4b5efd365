import { columnText, FILTER_COLUMNS, type ColumnFilters } from './columns.js';

/**
 * The filters of a search: of each list any value, exactly. `from` is inclusive and `to` exclusive, and both compare
 * with `recordedAt`.
 */
export type Filters = ColumnFilters &
  Readonly<{
    from?: Date | undefined;
    to?: Date | undefined;
    type?: readonly string[] | undefined;
    id?: readonly string[] | undefined;
    policyId?: readonly string[] | undefined;
    actorId?: readonly string[] | undefined;
    rule?: readonly string[] | undefined;
    /** Decisions that the grant's shadow policy differed from. */
    shadow?: 'differs' | undefined;
  }>;

type Event = Readonly<Record<string, unknown>>;
type ListFilter = Exclude<keyof Filters, 'from' | 'to' | 'shadow'>;

/** Filters that compare a column with texts, by the name of the filter. */
const COLUMN_FILTERS: readonly Readonly<{ member: ListFilter; name: string }>[] = [
  { member: 'type', name: 'type' },
  { member: 'id', name: 'id' },
  ...FILTER_COLUMNS,
];

/** A filter over a member that has no column. `pattern` is the JSON text of every event that has the value. */
type MemberFilter = Readonly<{
  member: 'policyId' | 'actorId' | 'rule';
  pattern: (value: string) => string;
  read: (event: Event) => unknown;
}>;

const MEMBER_FILTERS: readonly MemberFilter[] = [
  { member: 'policyId', pattern: (id) => `"policyId":${JSON.stringify(id)}`, read: (event) => event['policyId'] },
  { member: 'rule', pattern: (rule) => `"rule":${JSON.stringify(rule)}`, read: (event) => event['rule'] },
  {
    member: 'actorId',
    pattern: (id) => `"id":${JSON.stringify(id)}`,
    read: ({ actor }) => (actor as Event | null | undefined)?.['id'],
  },
];

const isAmong = (values: readonly string[] | undefined, word: string): boolean => values?.includes(word) ?? false;

/** Conditions that say what partial indexes hold, so that the planner may use them. */
const hintsOf = ({ effect, code, type, actorId }: Filters): readonly string[] => {
  const refusesAllow = (effect && !isAmong(effect, 'allow')) || (code && !isAmong(code, 'allowed'));
  const isControl = actorId || (type && !type.some((one) => one.startsWith('toolCall.')));
  return [
    ...(refusesAllow ? [`effect <> 'allow'`] : []),
    ...(isControl ? [`type <> 'toolCall.decided' and type <> 'toolCall.completed'`] : []),
  ];
};

/**
 * Conditions on `audit_records` that every match of these filters meets, but for `from` and `to`; `bind` gives a value
 * its parameter. The few records that meet them without being a match are what `isMatch` is for.
 */
export const conditionsOf = (filters: Filters, bind: (value: unknown) => string): readonly string[] => {
  const conditions = [...hintsOf(filters)];
  for (const { member, name } of COLUMN_FILTERS) {
    const values = filters[member];
    if (values !== undefined) conditions.push(`${name} = any (${bind(values.map(columnText))}::text[])`);
  }
  for (const { member, pattern } of MEMBER_FILTERS) {
    const patterns = filters[member]?.map(
      (value) => `position(${bind(Buffer.from(pattern(value)))}::bytea in event) > 0`,
    );
    if (patterns !== undefined) conditions.push(`(${patterns.join(' or ')})`);
  }
  if (filters.shadow) conditions.push('shadow is not null');
  return conditions;
};

/** Whether an event that meets `conditionsOf` is a match: the text of a member may lie deeper in an event too. */
export const isMatch = (filters: Filters, event: Event): boolean =>
  MEMBER_FILTERS.every(({ member, read }) => {
    const values = filters[member];
    return values === undefined || values.some((value) => read(event) === value);
  });

/** Whether the conditions alone decide what matches. */
export const isExact = (filters: Filters): boolean =>
  MEMBER_FILTERS.every(({ member }) => filters[member] === undefined);
