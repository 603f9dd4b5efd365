import { idItem, textItem, wordItem, type QueryItem } from '../../platform/rest/query-list.js';
import { DECISION_CODES } from '../event-log/events/tool-calls.js';

type Event = Readonly<Record<string, unknown>>;

type Column = Readonly<{
  /** The name of the column in `audit_records`. */
  name: string;
  /** The value of the column in an event; the member of the column's own name where this says nothing. */
  read?: (event: Event) => unknown;
  /** Most records of a batch have different values here. Of the other columns, a batch has few different rows. */
  isUnique?: true;
  /** The column is a filter of `GET /v1/audit/events`: what values its query parameter takes. */
  filter?: QueryItem;
  /** What the description of the filter's query parameter says. */
  about?: string;
}>;

/**
 * The members of events that have a column of their own in `audit_records`, for search and projections. Reading,
 * writing and searching the audit log follow this table: a new column stands here and in a migration.
 */
const columns = {
  callId: { name: 'call_id', isUnique: true, filter: idItem('call') },
  grantId: { name: 'grant_id', filter: idItem('grt') },
  identityId: { name: 'identity_id', filter: idItem('idn') },
  serverId: { name: 'server_id', filter: idItem('srv') },
  tool: {
    name: 'tool',
    filter: textItem(1000),
    about: 'The exact name of a tool; long names compare by their first 200 characters',
  },
  effect: { name: 'effect', filter: wordItem(['allow', 'deny', 'hold']) },
  code: { name: 'code', filter: wordItem(DECISION_CODES) },
  status: { name: 'status' },
  /** The effect that the grant's shadow policy would have had, where it is another one. */
  shadow: { name: 'shadow', read: ({ shadow }) => (shadow as Event | null | undefined)?.['effect'] },
} as const satisfies Readonly<Record<string, Column>>;

export type ColumnName = keyof typeof columns;

type FilterColumn = {
  [Name in ColumnName]: (typeof columns)[Name] extends Readonly<{ filter: QueryItem }> ? Name : never;
}[ColumnName];

/** What a search asks of columns: each holds any of these values, exactly. */
export type ColumnFilters = Readonly<Partial<Record<FilterColumn, readonly string[]>>>;

/** The value of every column of an event. Anything but a text is null. */
export type ColumnValues = Readonly<Record<ColumnName, string | null>>;

export const COLUMNS = Object.entries(columns as Readonly<Record<ColumnName, Column>>).map(([member, column]) => ({
  member: member as ColumnName,
  ...column,
}));

/** The columns that are filters. */
export const FILTER_COLUMNS = COLUMNS.flatMap(({ member, name, filter, about }) =>
  filter ? [{ member: member as FilterColumn, name, filter, about }] : [],
);

const MAX_COLUMN_LENGTH = 200;

/**
 * A text as it stands in a column: at most 200 UTF-16 units and without NUL, which PostgreSQL's text can't hold. Names
 * come from callers, so a long one must not break an index and stop the partition. The whole name stays in the event's
 * bytes.
 */
export const columnText = (value: unknown): string | null => {
  if (typeof value !== 'string') return null;
  const text = value.length > MAX_COLUMN_LENGTH ? value.slice(0, MAX_COLUMN_LENGTH) : value;
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
};

/** The columns of an event. */
export const columnsOf = (event: Event): ColumnValues => {
  const values: Partial<Record<ColumnName, string | null>> = {};
  for (const { member, read } of COLUMNS) values[member] = columnText(read ? read(event) : event[member]);
  return values as ColumnValues;
};
