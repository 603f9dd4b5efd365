import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventSplitter } from '../../../src/mcp/wire/event-splitter.js';
import { cpuMs } from '../../support/cpu.js';

const cut = (text: string, at: readonly number[]): readonly Buffer[] => {
  const bytes = Buffer.from(text);
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
};

const split = (chunks: readonly Buffer[]): Readonly<{ events: readonly string[]; rest: string }> => {
  const splitter = new EventSplitter();
  const events = chunks.flatMap((chunk) => splitter.feed(chunk)).map(String);
  return { events, rest: splitter.take().toString() };
};

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const event = fc
  .tuple(
    fc.array(fc.constantFrom('data: a', ': comment', 'event: x', 'data: {"id":1}é'), { minLength: 1, maxLength: 3 }),
    lineEnd,
  )
  .map(([lines, end]) => [...lines, ''].join(end) + end);
/** What begins with LF behind an end that is CR alone would read as CR LF. */
const stream = fc
  .array(event, { maxLength: 6 })
  .filter((events) => events.every((one, index) => !one.endsWith('\r') || index === events.length - 1));

test('whatever the chunks, the same events come out, byte for byte', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (events, places) => {
      const whole = events.join('');
      const { events: found, rest } = split(cut(whole, places));
      expect(found.join('') + rest).toBe(whole);
      // An event that ends in CR waits for the byte that follows.
      expect(found).toEqual(events.at(-1)?.endsWith('\r') ? events.slice(0, -1) : events);
    }),
    { numRuns: 2000 },
  );
});

test('an event cut off before its blank line is the rest', () => {
  expect(split([Buffer.from('data: 1\n\ndata: 2\n')])).toEqual({ events: ['data: 1\n\n'], rest: 'data: 2\n' });
});

test('a blank line cut between its bytes ends the event', () => {
  for (const end of ['\n\n', '\r\n\r\n'])
    for (let at = 0; at <= end.length; at += 1) {
      expect(
        split([Buffer.from(`data: 1${end.slice(0, at)}`), Buffer.from(`${end.slice(at)}data: 2\n\n`)]).events,
      ).toEqual([`data: 1${end}`, 'data: 2\n\n']);
    }
});

test('a long event in many chunks takes linear time', () => {
  // Small, so that the pages of memory that the kernel gives count for little.
  const CHUNK_BYTES = 4096;
  const chunk = Buffer.alloc(CHUNK_BYTES, 'x');
  const splitInChunks = (chunks: number): void => {
    const splitter = new EventSplitter();
    for (let count = 0; count < chunks; count += 1) splitter.feed(chunk);
    expect(splitter.feed(Buffer.from('\n\n')).map(({ length }) => length)).toEqual([chunks * CHUNK_BYTES + 2]);
  };
  const [few, many] = [200, 2000].map((chunks) => cpuMs(() => splitInChunks(chunks))) as [number, number];
  expect(many).toBeLessThan(40 * Math.max(few, 1));
});

test('blank lines that follow one another are no events of their own', () => {
  for (const end of ['\n', '\r\n']) {
    expect(split([Buffer.from(end.repeat(32_768))])).toEqual({ events: [end.repeat(32_768)], rest: '' });
    expect(split([Buffer.from(`data: 1${end.repeat(5)}data: 2${end.repeat(2)}`)]).events).toEqual([
      `data: 1${end.repeat(5)}`,
      `data: 2${end.repeat(2)}`,
    ]);
  }
});

test.each(['\n\n', '\r\r'])('many events that end in %j take linear time, however large their chunk is', (end) => {
  const bytes = Buffer.from(`:${end}`.repeat(2 ** 20 / (1 + end.length)));
  const cpu = (size: number): number => {
    const splitter = new EventSplitter();
    const began = process.cpuUsage();
    for (let at = 0; at < bytes.length; at += size) splitter.feed(bytes.subarray(at, at + size));
    return process.cpuUsage(began).user;
  };
  cpu(4096);
  expect(cpu(bytes.length)).toBeLessThan(5 * cpu(4096) + 50_000);
});

test.each([
  ['data: a\r\r', 'data: a\r\r'],
  ['data: a\n\r', 'data: a\n\r'],
  ['data: a\r', undefined],
  ['data: a', undefined],
  ['', undefined],
])('the end of the stream behind %j ends the event there: %j', (text, event) => {
  const splitter = new EventSplitter();
  expect(splitter.feed(Buffer.from(text))).toEqual([]);
  expect(splitter.end()?.toString()).toBe(event);
  expect(splitter.held).toBe(event === undefined ? text.length : 0);
});
