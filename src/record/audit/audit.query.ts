import type { Tx } from '../../platform/postgres/database.js';
import { isCut, withinBytes, type BytesThrough } from '../../platform/postgres/within-bytes.js';
import { showTransport } from '../../platform/crypto/hidden-parts.js';
import { conditionsOf, isExact, isMatch, type Filters } from './filters.js';
import type { Place } from './records.js';

/**
 * One item of the audit log as the API shows it: the members of the event, its `seq` and `recordedAt`. `schemaVersion`
 * is the `version` of the event's type, under the name that it has in every format.
 */
export type AuditItem = Readonly<Record<string, unknown>> & Readonly<{ seq: number; recordedAt: string }>;

export type StoredEvent = Readonly<{ seq: number; recordedAt: Date; event: Buffer }>;

type StoredMembers = Readonly<{ transport?: Parameters<typeof showTransport>[0] }> & Readonly<Record<string, unknown>>;

const membersOf = (event: Buffer): StoredMembers => JSON.parse(event.toString()) as StoredMembers;

/**
 * An event without what must stay hidden: events of earlier releases hold the whole path of a server's URL and all
 * arguments of its command.
 */
const shownEvent = (event: StoredMembers): StoredMembers =>
  event.transport === undefined ? event : { ...event, transport: showTransport(event.transport) };

/** The item of a record. */
export const toItem = ({ event, seq, recordedAt }: StoredEvent): AuditItem => {
  // The members were read for this alone: adding to them spares a copy of each.
  const item: Record<string, unknown> = shownEvent(membersOf(event));
  item['schemaVersion'] = item['version'] ?? 1;
  return Object.assign(item, { seq, recordedAt: recordedAt.toISOString() });
};

/** Whether a record that meets the conditions of these filters is a match of them. */
export const isStoredMatch = (filters: Filters, { event }: StoredEvent): boolean =>
  isExact(filters) || isMatch(filters, membersOf(event));

/** `asc`: the next record has at least the place's seq; `desc`: at most. */
export type Order = 'asc' | 'desc';

type PageRequest = Readonly<{ from?: Place | undefined; order?: Order; limit: number }>;

/** `isCut`: the page ended early, as it has `MAX_PAGE_BYTES`; more records may follow. */
export type EventsPage = Readonly<{ events: readonly StoredEvent[]; isCut: boolean }>;

/** An event can have 12 MiB: a page ends with the one that fills this. */
export const MAX_PAGE_BYTES = 16 * 2 ** 20;

const DIRECTIONS = { asc: { to: '>=', next: 1 }, desc: { to: '<=', next: -1 } } as const;

/** Records that meet the conditions of the filters, which a few records do without being a match. */
const findCandidates = async (
  tx: Tx,
  organizationId: string,
  filters: Filters,
  { from, order = 'asc', limit, maxBytes }: PageRequest & Readonly<{ maxBytes: number }>,
): Promise<readonly (StoredEvent & BytesThrough)[]> => {
  const values: unknown[] = [organizationId];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const { to } = DIRECTIONS[order];
  const conditions = [
    'organization_id = $1',
    ...(from === undefined ? [] : [`seq ${to} ${bind(from.seq)}`]),
    ...(from?.recordedAt ? [`recorded_at ${to} ${bind(from.recordedAt)}`] : []),
    ...(filters.from ? [`recorded_at >= ${bind(filters.from)}`] : []),
    ...(filters.to ? [`recorded_at < ${bind(filters.to)}`] : []),
    ...conditionsOf(filters, bind),
  ];
  const { rows } = await tx.query<StoredEvent & BytesThrough>(
    withinBytes(
      `select seq, recorded_at as "recordedAt", event from audit_records where ${conditions.join(' and ')}
        order by recorded_at ${order}, seq ${order} limit ${bind(limit)}`,
      'octet_length(event)',
      maxBytes,
    ),
    values,
  );
  return rows;
};

/**
 * The organization's next records from a place on that match all filters, in order of `seq` or, with `desc`, against
 * it; at most `limit`, and fewer when they take `MAX_PAGE_BYTES`. A record, once visible, never moves, and none appears
 * before one that is visible: whoever goes on upwards from the last one read misses nothing. Ids of events, calls,
 * grants, identities and servers, tools, refusals and the types of control events have indexes; a policy's records and
 * those of a rule are found by walking the time range.
 */
export const searchEvents = async (
  tx: Tx,
  organizationId: string,
  filters: Filters,
  { from, order = 'asc', limit }: PageRequest,
): Promise<EventsPage> => {
  const found: StoredEvent[] = [];
  let bytes = 0;
  for (let at = from; ;) {
    const missing = limit - found.length;
    const maxBytes = MAX_PAGE_BYTES - bytes;
    const candidates = await findCandidates(tx, organizationId, filters, { from: at, order, limit: missing, maxBytes });
    const matches = candidates.filter((one) => isStoredMatch(filters, one));
    found.push(...matches);
    bytes += matches.reduce((sum, { event }) => sum + event.length, 0);
    const last = candidates.at(-1);
    const isLast = candidates.length < missing && !isCut(candidates, maxBytes);
    if (found.length >= limit || isLast || !last) return { events: found, isCut: false };
    if (bytes >= MAX_PAGE_BYTES) return { events: found, isCut: true };
    at = { seq: last.seq + DIRECTIONS[order].next, recordedAt: last.recordedAt };
  }
};

/** An event as the event store keeps it, else as it is recorded, with its place in the record where it has one. */
export const wholeEvent = async (
  tx: Tx,
  organizationId: string,
  id: string,
): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const { events } = await searchEvents(tx, organizationId, { id: [id] }, { limit: 1 });
  const item = events[0] && toItem(events[0]);
  const { rows } = await tx.query<{ event: StoredMembers }>(
    'select event from events where organization_id = $1 and id = $2',
    [organizationId, id],
  );
  const stored = rows[0]?.event;
  return stored ? { ...item, ...shownEvent(stored) } : item;
};
