import type { Look } from '../../../platform/postgres/database.js';
import { ownTables, type OwnTable } from '../../../platform/postgres/own-tables.js';
import { withinBytes } from '../../../platform/postgres/within-bytes.js';
import { showTransport } from '../../../platform/crypto/hidden-parts.js';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import type { RecordedTransport } from '../../../platform/runtime/transport.js';
import type { ZipEntry } from '../../../platform/runtime/zip.js';
import { exportEvents } from '../../../record/audit/export.js';

const PAGE_SIZE = 1000;
/** Of rows with documents in them, which PostgreSQL makes the text of. */
const WIDE_PAGE_SIZE = 20;
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/**
 * What is no file of its own: the audit log has its own form, and what an idempotent request was answered is sealed.
 */
const NOT_TABLES = ['audit_records', 'idempotent_answers'];

type Row = { row: Json; key: readonly string[] };

/** A page of a table behind the key of the last row; row-level security shows the organization's own rows. */
const pageOf = ({ name, keys, keyTypes, columns, isWide }: OwnTable): string => {
  const behind = keyTypes.map((type, index) => `($1::text[])[${index + 1}]::${type}`).join(', ');
  const rows = `select to_jsonb(x) as row, array[${keys.map((key) => `t."${key}"::text`).join(', ')}] as key
    from "${name}" t cross join lateral (select ${columns.map((column) => `t."${column}"`).join(', ')}) x
    where $1::text[] is null or (${keys.map((key) => `t."${key}"`).join(', ')}) > (${behind})
    order by ${keys.map((key) => `t."${key}"`).join(', ')} limit ${isWide ? WIDE_PAGE_SIZE : PAGE_SIZE}`;
  return withinBytes(rows, 'octet_length(r.row::text)', MAX_PAGE_BYTES);
};

/** Rows as they may be shown: earlier releases kept all of a server's URL and of its command. */
const shown = (row: Json): Json => {
  const { transport, event } = row;
  return {
    ...row,
    ...(isObject(transport) ? { transport: showTransport(transport as RecordedTransport) } : {}),
    ...(isObject(event) ? { event: shown(event) } : {}),
  };
};

async function* linesOf(look: Look, table: OwnTable): AsyncGenerator<string> {
  const text = pageOf(table);
  const read = async (after: readonly string[] | undefined): Promise<readonly Row[]> =>
    (await look((tx) => tx.query<Row>(text, [after ?? null]))).rows;
  for (let page = await read(undefined); page.length > 0; page = await read(page.at(-1)?.key))
    yield page.map(({ row }) => `${JSON.stringify(shown(row))}\n`).join('');
}

/**
 * The files of an export of everything that an organization has: `NAME.ndjson` for each table with its rows, one JSON
 * object a line, and `audit-log.ndjson`. No secret, hash of one or sealed text is in it. It reads in many short
 * transactions, so that what changes meanwhile may be there in either state.
 */
export async function* filesOf(look: Look, organizationId: string): AsyncGenerator<ZipEntry> {
  const tables = await look((tx) => ownTables(tx));
  for (const table of tables)
    if (table.columns !== null && table.keys.length > 0 && !NOT_TABLES.includes(table.name))
      yield { name: `${table.name}.ndjson`, chunks: linesOf(look, table) };
  yield { name: 'audit-log.ndjson', chunks: exportEvents(look, organizationId, 'ndjson', {}) };
}
