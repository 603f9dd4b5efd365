import { ApiPropertyOptional } from '@nestjs/swagger';
import { ValidateBy, ValidateIf } from 'class-validator';
import { QueryWhole } from './fields.js';

const decodeCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString();

/** The query of every list: `?limit=1..1000&after=`. An empty `after` is the first page. */
export class PageQuery {
  @QueryWhole(1, 1000, { description: 'How many items at most; 100 unless told' })
  limit?: number;

  @ApiPropertyOptional({ type: String, description: 'The nextCursor of the page before' })
  @ValidateIf((_object, value) => value !== undefined)
  @ValidateBy({
    name: 'isCursor',
    validator: {
      validate: (value) =>
        value === '' ||
        (typeof value === 'string' && /^[A-Za-z0-9_-]{1,200}$/.test(value) && /^[\w.:|-]+$/.test(decodeCursor(value))),
      defaultMessage: () => 'after must be a nextCursor of this list',
    },
  })
  after?: string;
}

export type Page<T> = Readonly<{ items: readonly T[]; nextCursor: string | null; hasMore: boolean }>;

/**
 * The key after which a page starts ('' for the first), and how many rows to read: one more than the page, to know
 * whether more follow.
 */
export const pageStart = (query: PageQuery): Readonly<{ after: string; rows: number; limit: number }> => {
  const limit = query.limit ?? 100;
  return { after: query.after ? decodeCursor(query.after) : '', rows: limit + 1, limit };
};

/** The opaque cursor of a place in a list, from its ordering key. */
export const cursorAt = (key: string): string => Buffer.from(key).toString('base64url');

/**
 * A page of what was read: `keyOf` gives the ordering key of the last item, which becomes the cursor when more follow.
 * `isCut`: more may follow although fewer rows than asked for were read, since these are all that a response may hold.
 */
export const toPage = <R, T>(
  rows: readonly R[],
  limit: number,
  shape: Readonly<{ keyOf: (row: R) => string; view: (row: R) => T; isCut?: boolean }>,
): Page<T> => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const hasMore = rows.length > limit || shape.isCut === true;
  return {
    items: items.map(shape.view),
    nextCursor: hasMore && last !== undefined ? cursorAt(shape.keyOf(last)) : null,
    hasMore,
  };
};
