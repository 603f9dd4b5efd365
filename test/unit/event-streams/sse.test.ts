import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSse, MAX_EVENT_LINES, parseSse } from '../../../src/mcp/wire/sse.js';

describe('an event stream', () => {
  test.each([
    ['LF', 'data: a\n\n', [{ data: 'a' }]],
    ['CR', 'data: a\r\r', [{ data: 'a' }]],
    ['CRLF', 'data: a\r\n\r\n', [{ data: 'a' }]],
    ['line ends mixed', 'data: a\rdata: b\r\n\ndata: c\n\r', [{ data: 'a\nb' }, { data: 'c' }]],
    ['several data lines', 'data: a\ndata:\ndata:  b\n\n', [{ data: 'a\n\n b' }]],
    ['one leading space only', 'data:  x\ndata:y\n\n', [{ data: ' x\ny' }]],
    ['a byte order mark at the start', '\ufeffdata: a\n\n', [{ data: 'a' }]],
    ['a second byte order mark', '\ufeff\ufeffdata: a\n\n', []],
    ['comments', ': keep-alive\n\n:\ndata: a\n: b\n\n', [{ data: 'a' }]],
    ['unknown fields', 'foo: 1\nData: 2\n data: 3\ndata: a\n\n', [{ data: 'a' }]],
    ['a field without a colon', 'data\n\ndata\ndata\n\n', [{ data: '' }, { data: '\n' }]],
    ['event and id', 'event: message\nid: 7\ndata: {"a":1}\n\n', [{ event: 'message', id: '7', data: '{"a":1}' }]],
    ['a priming event', 'id: 1\nretry: 500\ndata:\n\n', [{ id: '1', retry: 500, data: '' }]],
    ['an event without data', 'event: x\n\ndata: a\n\n', [{ data: 'a' }]],
    ['an empty event name', 'event:\ndata: a\n\n', [{ data: 'a' }]],
    ['only a retry before it', 'retry: 5\n\ndata: a\n\n', [{ retry: 5, data: 'a' }]],
    ['an id with NUL', 'id: 4\0\ndata: a\n\n', [{ data: 'a' }]],
    ['a retry that is no number', 'retry: 5s\ndata: a\n\n', [{ data: 'a' }]],
    ['an event that is cut off', 'data: a\n\ndata: b\n', [{ data: 'a' }]],
    ['a line that is cut off', 'data: a\n\ndata: b', [{ data: 'a' }]],
    ['nothing', '', []],
  ])('an event stream with %s reads as the standard says', (_, text, events) => expect(parseSse(text)).toEqual(events));

  test('an event stream reads back what was written', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ' ', ':', '\u2028', 'é', '{') });
    const event = fc.record(
      {
        event: word.filter((name) => name !== ''),
        id: word,
        retry: fc.nat(),
        data: fc.string({ unit: fc.constantFrom('a', ' ', ':', '\n', '\ufeff') }),
      },
      { requiredKeys: ['data'] },
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        expect(parseSse(events.map(formatSse).join(''))).toEqual(events);
      }),
    );
  });

  test('an event stream has no line that a field smuggled in', () => {
    expect(formatSse({ data: 'a\r\nevent: x\rid: 1' })).toBe('data: a\ndata: event: x\ndata: id: 1\n\n');
    expect(() => formatSse({ event: 'x\ndata: y', data: '' })).toThrow(RangeError);
    expect(() => formatSse({ id: '1\r', data: '' })).toThrow(RangeError);
  });

  test.each([':\n', 'a\n', 'data\n', 'data:x\r', 'id: 1\r\n'])(
    'an event stream with more lines %j in one event than anybody writes is not read',
    (line) => {
      expect(parseSse(`${line.repeat(MAX_EVENT_LINES)}\n`)).toBeDefined();
      expect(parseSse(`${line.repeat(MAX_EVENT_LINES + 1)}\n`)).toBeUndefined();
    },
  );

  test.each(['data\n\n', 'a\n\n', 'data\r\n\r\n'])(
    'of many events %j costs as much for each of them as one of few',
    (event) => {
      const perEvent = (count: number): number => {
        const text = event.repeat(count);
        const began = process.cpuUsage();
        parseSse(text);
        const { user, system } = process.cpuUsage(began);
        return (user + system) / count;
      };
      perEvent(50_000);
      expect(perEvent(400_000)).toBeLessThan(perEvent(20_000) * 5 + 1);
    },
  );
});
