import { Injectable } from '@nestjs/common';
import { EventStore, type Caller } from '../event-store/event-store.js';
import { Problem, type ProblemDetail } from '../../platform/runtime/problems.js';
import type { UsageQuery } from './usage.dto.js';
import { MAX_ITEMS, readUsage, type UsageItem, type UsageRequest } from './usage.query.js';

const DAY_MS = 86_400_000;
const MAX_RANGE_DAYS = 400;

const refuse = (pointer: string, message: string): Problem => {
  const error: ProblemDetail = { pointer, code: 'invalid', message };
  return new Problem('invalid_body', message, { errors: [error] });
};

/** The request with its defaults: the last 24 hours, by hour. */
export const toRequest = (query: UsageQuery, now: Date): UsageRequest => {
  const to = query.to === undefined ? now : new Date(query.to);
  const from = query.from === undefined ? new Date(to.getTime() - DAY_MS) : new Date(query.from);
  if (from >= to) throw refuse('/from', 'from must be before to');
  if (to.getTime() - from.getTime() > MAX_RANGE_DAYS * DAY_MS)
    throw refuse('/from', `the range must be ${MAX_RANGE_DAYS} days or less`);
  return { groupBy: query.groupBy ?? [], interval: query.interval ?? 'hour', from, to };
};

/** Reading the counters. */
@Injectable()
export class UsageService {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async get(
    caller: Caller,
    query: UsageQuery,
    signal?: AbortSignal,
  ): Promise<Readonly<{ items: readonly UsageItem[] }>> {
    const request = toRequest(query, new Date());
    const items = await this.#store.search(caller, signal)((tx) => readUsage(tx, caller.organizationId, request));
    if (!items)
      throw refuse(
        '/groupBy',
        `that is more than ${MAX_ITEMS} items: narrow from and to, group by less, or take interval=day`,
      );
    return { items };
  }
}
