import type { Look } from '../../platform/postgres/database.js';
import { searchEvents, toItem, type StoredEvent } from './audit.query.js';
import { newestMapping, type Format } from '../log-streams/formats/format.js';
import { formats } from '../log-streams/formats/formats.js';
import { outgoingRecord } from '../log-streams/formats/outgoing-record.js';
import { csvHeader, csvLine } from './csv.js';
import { BEGINNING, nextSeq, type Place } from './records.js';

const PAGE_SIZE = 1000;
/** A page is written in parts, so that others have their turns and little waits for a slow client. */
const CHUNK_LENGTH = 65_536;

export const EXPORT_FORMATS = ['ndjson', 'csv', 'ocsf', 'ecs', 'cef'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];
type Export = Readonly<{
  mediaType: string;
  /** The end of the name of a file that holds it. */
  extension: string;
  header: string;
  line: (stored: StoredEvent) => string;
}>;

const lineIn =
  (format: Format): Export['line'] =>
  (stored) =>
    `${format.format(outgoingRecord(stored), newestMapping(format))}\n`;

const NDJSON = 'application/x-ndjson';

/** Each format with its media type, what comes first and one item's line. */
const exports: Readonly<Record<ExportFormat, Export>> = {
  ndjson: { mediaType: NDJSON, extension: 'ndjson', header: '', line: lineIn(formats.native) },
  csv: {
    mediaType: 'text/csv; charset=utf-8; header=present',
    extension: 'csv',
    header: csvHeader,
    line: (stored) => csvLine(toItem(stored)),
  },
  ocsf: { mediaType: NDJSON, extension: 'ocsf.ndjson', header: '', line: lineIn(formats.ocsf) },
  ecs: { mediaType: NDJSON, extension: 'ecs.ndjson', header: '', line: lineIn(formats.ecs) },
  cef: { mediaType: 'text/plain; charset=utf-8', extension: 'cef', header: '', line: lineIn(formats.cef) },
};

/** The media type of an export, for `Content-Type`. */
export const mediaType = (format: ExportFormat): string => exports[format].mediaType;

/** The name of a file that holds an export. */
export const fileName = (format: ExportFormat): string => `toolgate-audit.${exports[format].extension}`;

type Range = Readonly<{ from?: Date | undefined; to?: Date | undefined }>;

/**
 * The records of an organization, in order of `seq`, up to what was recorded when it began; a page at a time, each in a
 * transaction of its own.
 */
async function* readPages(look: Look, organizationId: string, range: Range): AsyncGenerator<readonly StoredEvent[]> {
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
    yield kept;
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
  const { header, line } = exports[format];
  if (header) yield header;
  for await (const events of readPages(look, organizationId, range)) {
    let chunk = '';
    for (const stored of events) {
      chunk += line(stored);
      if (chunk.length < CHUNK_LENGTH) continue;
      yield chunk;
      chunk = '';
    }
    if (chunk) yield chunk;
  }
}
