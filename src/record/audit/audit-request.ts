import { Problem } from '../../platform/runtime/problems.js';
import type { EventsQuery } from './audit.dto.js';
import type { Order } from './audit.query.js';
import { readPlaceKey } from './cursor.js';
import type { Filters } from './filters.js';
import type { Place } from './records.js';

/** A time of a query. */
export const instant = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

/** The refusal of one query parameter. */
export const wrongQuery = (parameter: string, message: string): Problem =>
  new Problem('invalid_body', 'Correct the parameter that errors[] names and send the request again.', {
    errors: [{ pointer: `/${parameter}`, code: 'invalid', message }],
  });

/** The place that the cursor of a request names; undefined without a cursor. @throws Problem invalid_body */
export const startOf = (order: Order, after: string): Place | undefined => {
  if (after === '') return undefined;
  const place = readPlaceKey(order, after);
  if (!place) throw wrongQuery('after', 'after must be a nextCursor of this list, read in the same order');
  return place;
};

/** @throws Problem invalid_body when `from` is after `to` */
export const checkRange = ({ from, to }: Readonly<{ from?: string | undefined; to?: string | undefined }>): void => {
  if (from !== undefined && to !== undefined && new Date(from) > new Date(to))
    throw wrongQuery('from', 'from must not be after to');
};

/** The filters of a request. @throws Problem invalid_body when `from` is after `to` */
export const filtersOf = ({ limit: _limit, after: _after, order: _order, from, to, ...rest }: EventsQuery): Filters => {
  checkRange({ from, to });
  return { ...rest, from: instant(from), to: instant(to) };
};
