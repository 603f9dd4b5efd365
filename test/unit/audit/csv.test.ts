import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CSV_COLUMNS, csvCell, csvHeader, csvLine } from '../../../src/record/audit/csv.js';

/** A reader of RFC 4180 that shares nothing with the writer. */
const parseCsv = (text: string): readonly (readonly string[])[] => {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === ',') {
      row.push(cell);
      cell = '';
    } else if (char === '\r' && text[i + 1] === '\n') {
      rows.push([...row, cell]);
      row = [];
      cell = '';
      i += 1;
    } else cell += char;
  }
  return rows;
};

describe('the CSV export', () => {
  test.each([
    ...['=cmd()', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\n=x', '＝1', '＋1', '－1', '＠x', '﹦1', '﹫x'],
    ...['  =1', '\u00a0=1', '\u200b+1', '\ufeff@x', ' \u2060 -1'],
  ])('puts an apostrophe before what a spreadsheet would run: %j', (text) => {
    expect(parseCsv(`${csvCell(text)}\r\n`)).toEqual([[`'${text}`]]);
  });

  test('holds no control character but tabs and line ends, and spells the others', () => {
    const event = { type: 'x', name: 'a\u001b[31m\0\u009b2J', arguments: { '\u007f': '\u0000' } };
    const text = csvCell(event.name) + csvLine({ ...event, seq: 1, recordedAt: '' });
    expect(text).toContain('a\\u001b[31m\\u0000\\u009b2J');
    expect(text).not.toMatch(/(?![\t\r\n])\p{Cc}/u);
    expect(JSON.parse(parseCsv(text.slice(text.indexOf('1,')))[0]?.at(-1) ?? '')).toEqual(event);
  });

  test('leaves numbers and harmless texts as they are', () => {
    expect([
      csvCell(-5),
      csvCell(true),
      csvCell('list_issues'),
      csvCell(' a=b'),
      csvCell(null),
      csvCell(undefined),
      csvCell(['a', 'b']),
    ]).toEqual(['-5', 'true', 'list_issues', ' a=b', '', '', '"[""a"",""b""]"']);
  });

  test('reads back as the texts that went in, and no cell begins like a formula', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', '=', '+', '-', '@', '\t', 'é') }), {
          minLength: 2,
        }),
        (texts) => {
          const cells = parseCsv(`${texts.map(csvCell).join(',')}\r\n`)[0] ?? [];
          expect(
            cells.map((cell, index) => (/^[=+\-@\t\r\n]/.test(texts[index] ?? '') ? cell.slice(1) : cell)),
          ).toEqual(texts);
          for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
        },
      ),
    );
  });

  test('has a column for each name in the header, with the whole event in the last one', () => {
    const event = {
      id: 'evt_1',
      type: 'server.registered',
      name: '=x',
      actor: { type: 'member', id: 'usr_1', name: '@me' },
    };
    const [header, row] = parseCsv(csvHeader + csvLine({ ...event, seq: 3, recordedAt: '2026-11-22T10:00:00.000Z' }));
    const cells = Object.fromEntries((header ?? []).map((name, index) => [name, row?.[index]]));
    expect(header).toEqual([...CSV_COLUMNS]);
    expect(cells).toMatchObject({
      seq: '3',
      recordedAt: '2026-11-22T10:00:00.000Z',
      type: 'server.registered',
      actorType: 'member',
      actorId: 'usr_1',
      actorName: "'@me",
      tool: '',
    });
    expect(JSON.parse(cells['event'] ?? '')).toEqual(event);
  });
});
