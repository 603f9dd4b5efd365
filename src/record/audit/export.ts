import type { Look } from '../../platform/postgres/database.js';
import { searchEvents, toItem, type AuditItem } from './audit.query.js';
import { csvHeader, csvLine } from './csv.js';
import { BEGINNING, nextSeq, type Place } from './records.js';

const PAGE_SIZE = 1000;

export const EXPORT_FORMATS = ['ndjson', 'csv', 'ocsf', 'ecs', 'cef'] as const;

/** Formats that this release writes, each with its media type, what comes first and one item's line. */
const formats: Readonly<
  Record<'ndjson' | 'csv', Readonly<{ mediaType: string; header: string; line: (item: AuditItem) => string }>>
> = {
  ndjson: { mediaType: 'application/x-ndjson', header: '', line: (item) => `${JSON.stringify(item)}\n` },
  csv: { mediaType: 'text/csv; charset=utf-8; header=present', header: csvHeader, line: csvLine },
};

export type ExportFormat = keyof typeof formats;

/** Whether the audit log can be exported in a format of this name. */
export const isExportFormat = (format: string): format is ExportFormat => Object.hasOwn(formats, format);

/** The media type of an export, for `Content-Type`. */
export const mediaType = (format: ExportFormat): string => formats[format].mediaType;

type Range = Readonly<{ from?: Date | undefined; to?: Date | undefined }>;

/**
 * The records of an organization, in order of `seq`, up to what was recorded when it began; a page at a time, each in a
 * transaction of its own.
 */
async function* readPages(look: Look, organizationId: string, range: Range): AsyncGenerator<readonly AuditItem[]> {
  const end = await look((tx) => nextSeq(tx, organizationId));
  let at: Place = BEGINNING;
  while (at.seq < end) {
    const from = at;
    const { events } = await look((tx) =>
      searchEvents(tx, organizationId, range, { from, limit: Math.min(PAGE_SIZE, end - from.seq) }),
    );
    const kept = events.filter((row) => row.seq < end);
    const [first, last] = [kept[0], kept.at(-1)];
    if (!first || !last) return;
    const dense = last.seq - first.seq + 1 === kept.length && (from === BEGINNING || first.seq === from.seq);
    if (!dense) throw new Error('records were dropped by retention during an export');
    yield kept.map(toItem);
    at = { seq: last.seq + 1, recordedAt: last.recordedAt };
  }
}

/**
 * An export as text, a page of at most 1,000 records at a time: complete as of its start, in order of `seq`, without a
 * gap.
 * @throws when records in its middle are gone (retention), so that a part never passes for the whole.
 */
export async function* exportEvents(
  look: Look,
  organizationId: string,
  format: ExportFormat,
  range: Range,
): AsyncGenerator<string> {
  const { header, line } = formats[format];
  if (header) yield header;
  for await (const items of readPages(look, organizationId, range)) yield items.map(line).join('');
}
