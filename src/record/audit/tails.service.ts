import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { pageStart } from '../../platform/rest/page.js';
import { Problem } from '../../platform/runtime/problems.js';
import { EventStore } from '../event-store/event-store.js';
import type { EventsQuery } from './audit.dto.js';
import { filtersOf, startOf, wrongQuery } from './audit-request.js';
import { AuditService } from './audit.service.js';
import type { Filters } from './filters.js';
import type { Place } from './records.js';
import { Tail, type TailStart } from './tail.js';
import { placeOfEnd, placeOfSeq, placeOfTime } from './tail.query.js';

const MAX_TAILS_PER_ORGANIZATION = 10;
const RETRY_AFTER_SECONDS = 5;

type TailRequest = Readonly<{ filters: Filters; cursor: Place | undefined; lastSeq: number | undefined }>;

const requestOf = (query: EventsQuery, lastEventId: string | undefined): TailRequest => {
  if (query.order === 'desc') throw wrongQuery('order', 'order must be asc for a stream of events');
  if (query.to !== undefined) throw wrongQuery('to', 'to must be left out: a stream of events has no end');
  if (lastEventId !== undefined && !/^\d{1,15}$/.test(lastEventId))
    throw new Problem('invalid_body', 'Send as Last-Event-ID the id of an event of this stream: its seq.');
  return {
    filters: filtersOf(query),
    cursor: startOf('asc', pageStart(query).after),
    lastSeq: lastEventId === undefined ? undefined : Number(lastEventId),
  };
};

const startAt = async (
  tx: Tx,
  organizationId: string,
  { filters, cursor, lastSeq }: TailRequest,
): Promise<TailStart> => {
  if (lastSeq === undefined && cursor) return { place: cursor };
  if (lastSeq === undefined)
    return {
      place: await (filters.from ? placeOfTime(tx, organizationId, filters.from) : placeOfEnd(tx, organizationId)),
    };
  const place = await placeOfSeq(tx, organizationId, lastSeq + 1);
  return place.seq > lastSeq + 1 ? { place, gap: { fromSeq: lastSeq + 1, toSeq: place.seq - 1 } } : { place };
};

/** Streams of the audit log as it grows. */
@Injectable()
export class TailsService {
  readonly #store: EventStore;
  readonly #audit: AuditService;
  readonly #tails = new Set<Tail>();
  readonly #countOf = new Map<string, number>();

  constructor(store: EventStore, audit: AuditService) {
    this.#store = store;
    this.#audit = audit;
  }

  /**
   * Sends the audit log as server-sent events, from the record behind `Last-Event-ID`, the cursor or `from` on, else
   * from now on, until the client leaves or may not read any more. At most ten streams of an organization run in a
   * process. @throws Problem invalid_body, too_many_requests, before anything is sent
   */
  async send(principal: Principal, query: EventsQuery, response: ServerResponse): Promise<void> {
    const { organizationId } = principal;
    const request = requestOf(query, response.req.headers['last-event-id']?.toString());
    const count = this.#countOf.get(organizationId) ?? 0;
    if (count >= MAX_TAILS_PER_ORGANIZATION)
      throw new Problem('too_many_requests', `Your organization has ${count} streams open. End one first.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    this.#countOf.set(organizationId, count + 1);
    try {
      await this.#audit.noteRead(principal, request.filters);
      const start = await this.#store.search(principal)((tx) => startAt(tx, organizationId, request));
      await this.#run(new Tail({ store: this.#store, caller: principal, filters: request.filters, response }, start));
    } finally {
      const left = (this.#countOf.get(organizationId) ?? 1) - 1;
      if (left > 0) this.#countOf.set(organizationId, left);
      else this.#countOf.delete(organizationId);
    }
  }

  /** Ends all streams: their clients go on elsewhere. */
  endAll(): void {
    for (const tail of this.#tails) tail.end();
  }

  async #run(tail: Tail): Promise<void> {
    this.#tails.add(tail);
    try {
      await tail.run();
    } finally {
      this.#tails.delete(tail);
    }
  }
}
