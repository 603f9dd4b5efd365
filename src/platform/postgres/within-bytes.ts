/** What each row of `withinBytes` has beside its own columns: the bytes of all rows up to it, itself included. */
export type BytesThrough = Readonly<{ bytes_through: number }>;

/**
 * A query that gives the rows of another in its order, which must be sorted: the first, and those after it as long as
 * the rows before take less than `maxBytes`. A page with a limit in rows alone holds as many bytes as a tenant puts
 * into that many rows. `size` is the SQL of a row's bytes, over the columns of the query; `octet_length` of a bytea
 * does not read the bytes.
 */
export const withinBytes = (query: string, size: string, maxBytes: number): string =>
  `select * from (
     select r.*, ${size} as row_bytes, sum(${size}) over (rows unbounded preceding) as bytes_through from (${query}) r
   ) r where bytes_through - row_bytes < ${maxBytes}`;

/** Whether more rows may follow than the bytes allowed. */
export const isCut = (rows: readonly BytesThrough[], maxBytes: number): boolean =>
  (rows.at(-1)?.bytes_through ?? 0) >= maxBytes;
