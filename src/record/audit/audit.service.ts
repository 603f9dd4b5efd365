import { Injectable } from '@nestjs/common';
import { EventStore } from '../event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { cursorAt, pageStart, toPage, type Page } from '../../platform/rest/page.js';
import type { EventsQuery, ExportQuery } from './audit.dto.js';
import { searchEvents, toItem, wholeEvent, type AuditItem } from './audit.query.js';
import { notFound } from '../../platform/runtime/problems.js';
import { checkRange, filtersOf, instant, startOf } from './audit-request.js';
import { placeKey } from './cursor.js';
import { exportEvents, type ExportFormat } from './export.js';
import type { Filters } from './filters.js';

const HOUR_MS = 3_600_000;
const READ_LATELY = `select 1 from events where organization_id = $1 and stream_id = $2
  and time > now() - interval '1 hour' limit 1`;
const READER_CACHE_SIZE = 10_000;

/**
 * Reading the audit log, which is itself on record: `audit.read` at most once an hour per reader,
 * `audit.exported` for every export.
 */
@Injectable()
export class AuditService {
  readonly #store: EventStore;
  readonly #lastRead = new Map<string, number>();

  constructor(store: EventStore) {
    this.#store = store;
  }

  /**
   * A page of the audit log. Oldest first it always has a cursor to go on from, and an empty page has the one of its
   * request: the log grows. Newest first it has one when more follow. @throws Problem invalid_body
   */
  async list(principal: Principal, query: EventsQuery, signal?: AbortSignal): Promise<Page<AuditItem>> {
    const { order = 'asc' } = query;
    const { after, limit, rows } = pageStart(query);
    const from = startOf(order, after);
    const filters = filtersOf(query);
    await this.noteRead(principal, filters);
    const { events, isCut } = await this.#store.search(
      principal,
      signal,
    )((tx) => searchEvents(tx, principal.organizationId, filters, { from, order, limit: rows }));
    const page = toPage(events, limit, { keyOf: (row) => placeKey(order, row), view: toItem, isCut });
    if (order === 'desc') return page;
    const last = events[page.items.length - 1];
    return { ...page, nextCursor: last ? cursorAt(placeKey(order, last)) : query.after || null };
  }

  /**
   * One event as it was made, also one that retention took from the log and the event store keeps. @throws Problem
   * not_found
   */
  async get(principal: Principal, id: string, signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    await this.noteRead(principal, { id: [id] });
    const event = await this.#store.search(principal, signal)((tx) => wholeEvent(tx, principal.organizationId, id));
    if (!event) throw notFound('event');
    return event;
  }

  /**
   * Puts the export on record, then answers its format and its text, of which nothing is read before it is asked for.
   */
  async export(
    principal: Principal,
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<Readonly<{ format: ExportFormat; text: AsyncIterable<string> }>> {
    const { format, from = null, to = null } = query;
    checkRange(query);
    await this.#store.change(principal, (change) =>
      change.appendFact('audit', { type: 'audit.exported', format, from, to }),
    );
    return {
      format,
      text: exportEvents(this.#store.search(principal, signal), principal.organizationId, format, {
        from: instant(query.from),
        to: instant(query.to),
      }),
    };
  }

  /** Puts on record that somebody reads the audit log, unless this hour's reading is on record. */
  async noteRead(principal: Principal, filters: Filters): Promise<void> {
    const reader = `${principal.organizationId}|${principal.actor.id}`;
    const now = Date.now();
    if (now - (this.#lastRead.get(reader) ?? 0) < HOUR_MS) return;
    const names = Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    const stream = `read-by-${principal.actor.id}`;
    await this.#store.change(principal, async (change) => {
      const { rowCount } = await change.tx.query(READ_LATELY, [principal.organizationId, stream]);
      if (rowCount === 0) await change.appendFact(stream, { type: 'audit.read', filters: names.toSorted() });
    });
    if (this.#lastRead.size >= READER_CACHE_SIZE) this.#lastRead.clear();
    this.#lastRead.set(reader, now);
  }
}
