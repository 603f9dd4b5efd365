import type { Line } from './tail/log-store.js';

const COLUMNS = [
  'seq',
  'time',
  'identityName',
  'serverName',
  'tool',
  'effect',
  'code',
  'rule',
  'reason',
  'callId',
] as const;

/** A cell of RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe. */
const cell = (value: unknown): string => {
  const text = value === null || value === undefined ? '' : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** The lines as CSV, in their order, with the outcome of each call; gaps stand in it too. */
export function linesAsCsv(lines: readonly Line[]): string {
  const rows = lines.map((line) =>
    line.kind === 'gap'
      ? [line.gap.fromSeq, '', '', '', '', 'gap', '', '', `records ${line.gap.fromSeq} to ${line.gap.toSeq} not shown`]
      : [...COLUMNS.map((column) => line.item[column]), line.outcome?.status, line.outcome?.durationMs],
  );
  return [[...COLUMNS, 'status', 'durationMs'], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** Saves the lines as a file. */
export function exportLines(lines: readonly Line[]): void {
  const url = URL.createObjectURL(new Blob([linesAsCsv(lines)], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'toolgate-log.csv';
  link.click();
  URL.revokeObjectURL(url);
}
