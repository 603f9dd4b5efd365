import type { Tx } from '../../platform/postgres/database.js';
import { showTransport } from '../../platform/crypto/hidden-parts.js';
import { BEGINNING, type Place } from './records.js';
import { columnText, FILTER_COLUMNS, type ColumnFilters } from './columns.js';

/** The filters of a search; `from` is inclusive and `to` exclusive, and both compare with `recordedAt`. */
export type Filters = ColumnFilters &
  Readonly<{
    from?: Date | undefined;
    to?: Date | undefined;
    type?: string | undefined;
    /** Decisions that the grant's shadow policy differed from. */
    shadow?: 'differs' | undefined;
  }>;

/** One item of the audit log as the API shows it: the members of the event, its `seq` and `recordedAt`. */
export type AuditItem = Readonly<Record<string, unknown>> & Readonly<{ seq: number; recordedAt: string }>;

export type StoredEvent = Readonly<{ seq: number; recordedAt: Date; event: Buffer }>;

type StoredMembers = Readonly<{ transport?: Parameters<typeof showTransport>[0] }> & Readonly<Record<string, unknown>>;

/**
 * An event without what must stay hidden: events of earlier releases hold the whole path of a server's URL and all
 * arguments of its command.
 */
const shownEvent = (event: StoredMembers): StoredMembers =>
  event.transport === undefined ? event : { ...event, transport: showTransport(event.transport) };

/** The item of a record. */
export const toItem = (stored: StoredEvent): AuditItem => ({
  ...shownEvent(JSON.parse(stored.event.toString()) as StoredMembers),
  seq: stored.seq,
  recordedAt: stored.recordedAt.toISOString(),
});

/** Filters that compare a column with a text, by the name of the filter. */
const TEXT_FILTERS: readonly Readonly<{ member: keyof ColumnFilters | 'type'; name: string }>[] = [
  { member: 'type', name: 'type' },
  ...FILTER_COLUMNS,
];

/** Conditions that repeat those of partial indexes, so that the planner may use them. */
const hints = (filters: Filters): readonly string[] => [
  ...(filters.effect !== undefined && filters.effect !== 'allow' ? [`effect <> 'allow'`] : []),
  ...(filters.type !== undefined && !filters.type.startsWith('toolCall.')
    ? [`type <> 'toolCall.decided' and type <> 'toolCall.completed'`]
    : []),
];

/**
 * The organization's next records from a place on that match all filters, in order of `seq`. A record, once visible,
 * never moves, and none appears before one that is visible: whoever goes on from the last one read misses nothing.
 * Effect, identity, grant, tool and the types of control events have indexes; a server's rare records are found by
 * walking the time range.
 */
export const searchEvents = async (
  tx: Tx,
  organizationId: string,
  filters: Filters,
  page: Readonly<{ from?: Place; limit: number }>,
): Promise<readonly StoredEvent[]> => {
  const { seq, recordedAt } = page.from ?? BEGINNING;
  const after = filters.from && (recordedAt === null || filters.from > recordedAt) ? filters.from : recordedAt;
  const values: unknown[] = [organizationId, seq, page.limit];
  const conditions = ['organization_id = $1', 'seq >= $2'];
  const where = (condition: string, value: unknown): void =>
    void conditions.push(`${condition} $${values.push(value)}`);
  if (after) where('recorded_at >=', after);
  if (filters.to) where('recorded_at <', filters.to);
  if (filters.shadow) conditions.push('shadow is not null');
  for (const { member, name } of TEXT_FILTERS) {
    const value = filters[member];
    if (value !== undefined) where(`${name} =`, columnText(value));
  }
  const { rows } = await tx.query<StoredEvent>(
    `select seq, recorded_at as "recordedAt", event from audit_records
      where ${[...conditions, ...hints(filters)].join(' and ')}
      order by recorded_at, seq limit $3`,
    values,
  );
  return rows;
};
