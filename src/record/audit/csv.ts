import type { AuditItem } from './audit.query.js';

/**
 * The columns of the CSV export, in order: members of the event, the actor's members, and at the end `event`, the whole
 * event as JSON, so that nothing is missing for events that have members of their own. A member that an event doesn't
 * have is an empty cell.
 */
export const CSV_COLUMNS = [
  'seq',
  'recordedAt',
  'id',
  'type',
  'time',
  'organizationId',
  'callId',
  'grantId',
  'identityId',
  'identityName',
  'serverId',
  'serverName',
  'method',
  'tool',
  'policyId',
  'policyVersion',
  'mode',
  'effect',
  'code',
  'rule',
  'reason',
  'retryAfterSeconds',
  'approvalId',
  'argumentKeys',
  'status',
  'upstreamStatus',
  'durationMs',
  'responseBytes',
  'sourceIp',
  'actorType',
  'actorId',
  'actorName',
  'event',
] as const;

/**
 * What a spreadsheet takes for a formula: some read the full-width and small signs as the plain ones, and drop the
 * white space and the invisible characters before them.
 */
const FORMULA = /^(?:[\t\r\n]|[\p{White_Space}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;
/** Control characters but tab and line ends: a terminal obeys them, and many programs end a text at NUL. */
const CONTROL = /(?![\t\r\n])\p{Cc}/gu;
const QUOTED = /[",\r\n]/;

const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;

const textOf = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(CONTROL, escaped);
  return FORMULA.test(text) ? `'${text}` : text;
};

/**
 * One cell (RFC 4180): quoted where it must be, with quotes doubled. A text that a spreadsheet would take for a formula
 * (it begins with `=`, `+`, `-`, `@`, also full-width or behind white space, a tab or a line end) gets an apostrophe in
 * front; control characters are spelled as in JSON (`\u001b`); numbers stay as they are; objects and lists are JSON.
 */
export const csvCell = (value: unknown): string => {
  const text = textOf(value);
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const ACTOR = { actorType: 'type', actorId: 'id', actorName: 'name' } as const;

const cellOf = (item: AuditItem, column: (typeof CSV_COLUMNS)[number]): unknown => {
  switch (column) {
    case 'actorType':
    case 'actorId':
    case 'actorName':
      return (item['actor'] as Readonly<Record<string, unknown>> | null | undefined)?.[ACTOR[column]];
    case 'event': {
      const { seq: _seq, recordedAt: _recordedAt, ...event } = item;
      return event;
    }
    default:
      return item[column];
  }
};

/** The header line, with its CRLF. */
export const csvHeader = `${CSV_COLUMNS.join(',')}\r\n`;

/** One line, with its CRLF. */
export const csvLine = (item: AuditItem): string =>
  `${CSV_COLUMNS.map((column) => csvCell(cellOf(item, column))).join(',')}\r\n`;
