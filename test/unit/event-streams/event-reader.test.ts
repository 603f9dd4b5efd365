import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventStreamReader } from '../../../src/mcp/wire/event-reader.js';

const read = (chunks: readonly Buffer[], maxBytes = 1e6): readonly string[] => {
  const events: string[] = [];
  const { read } = eventStreamReader(({ data }) => events.push(data), maxBytes);
  for (const chunk of chunks) if (!read(chunk)) return [...events, 'too large'];
  return events;
};

const TEXT =
  '\ufeff: hello\nevent: message\nid: 1\ndata: {"a":1}\n\ndata:one\r\ndata:two\r\n\r\nretry: ' +
  '5\n\ndata\rdata: \u00e9\u{1F600}\r\rdata: cut off\n';
const EVENTS = ['{"a":1}', 'one\ntwo', '\n\u00e9\u{1F600}'];

test('events are read alike wherever the bytes are cut', () => {
  const bytes = Buffer.from(TEXT);
  expect(read([bytes])).toEqual(EVENTS);
  expect(read([...bytes].map((byte) => Buffer.of(byte)))).toEqual(EVENTS);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
      const at = [0, ...cuts.toSorted((left, right) => left - right), bytes.length];
      expect(read(at.slice(1).map((end, index) => bytes.subarray(at[index], end)))).toEqual(EVENTS);
    }),
  );
});

test('one event over the bound ends the reading, many small ones do not', () => {
  const small = Buffer.from('data: 12345678\n\n');
  expect(
    read(
      Array.from({ length: 1000 }, () => small),
      100,
    ),
  ).toHaveLength(1000);
  expect(read([Buffer.from('data: '), ...Array.from({ length: 20 }, () => Buffer.from('1234567890'))], 100)).toEqual([
    'too large',
  ]);
});

test('an event of many short lines ends the reading before it is held as lines', () => {
  const bytes = Buffer.from(`${'a\n'.repeat(2 ** 20)}\n`);
  const before = process.memoryUsage().heapUsed;
  expect(read([bytes], 2 ** 25)).toEqual(['too large']);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 2 ** 20);
});
