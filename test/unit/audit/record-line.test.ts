import { expect, test } from 'vitest';
import { toItem } from '../../../src/record/audit/audit.query.js';
import { recordLine } from '../../../src/record/audit/record-line.js';

const lineOf = (event: string): string =>
  String(recordLine({ seq: 7, recordedAt: new Date('2026-11-30T01:02:03.004Z'), event: Buffer.from(event) }));

test('the line of a record is what it was in the first release that proved it, to the byte', () => {
  expect(
    lineOf('{"id":"evt_1","type":"audit.read","version":1,"time":"2026-11-30T01:02:03Z","text":"ä\\u0000\\"}"}'),
  ).toBe(
    '{"id":"evt_1","type":"audit.read","version":1,"time":"2026-11-30T01:02:03Z","text":"ä\\u0000\\"}",' +
      '"schemaVersion":1,"seq":7,"recordedAt":"2026-11-30T01:02:03.004Z"}',
  );
});

test('the line of a record is the item that the API shows, also of one that is written anew', () => {
  const events = [
    { id: 'evt_1', version: 1, type: 'x', list: [1, 1.5, null, { a: 'b' }] },
    { id: 'evt_1', type: 'x', version: 2 },
    { type: 'x', id: 'evt_1', version: 1 },
    { id: 'evt"1', type: 'x', version: 1, text: '"version":1,' },
    { id: 'evt_1', type: 'x' },
    { id: 'evt_1', type: 'server.registered', version: 1, transport: { type: 'sse', url: 'https://a.example/s?k=v' } },
  ];
  for (const event of events) {
    const stored = {
      seq: 7,
      recordedAt: new Date('2026-11-30T01:02:03.004Z'),
      event: Buffer.from(JSON.stringify(event)),
    };
    expect(lineOf(JSON.stringify(event))).toBe(JSON.stringify(toItem(stored)));
    expect(lineOf(JSON.stringify(event, null, 1))).toBe(JSON.stringify(toItem(stored)));
  }
});
