import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSse, looksLikeToolError, parseSse } from '../../../src/mcp/sse.js';

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
    ['an id without data', 'id: 4\n\ndata: a\n\n', [{ id: '4', data: 'a' }]],
    ['an id with NUL', 'id: 4\0\ndata: a\n\n', [{ data: 'a' }]],
    ['a retry that is no number', 'retry: 5s\ndata: a\n\n', [{ data: 'a' }]],
    ['an event that is cut off', 'data: a\n\ndata: b\n', [{ data: 'a' }]],
    ['a line that is cut off', 'data: a\n\ndata: b', [{ data: 'a' }]],
    ['nothing', '', []],
  ])('with %s reads as the standard says', (_, text, events) => expect(parseSse(text)).toEqual(events));

  test('reads back what was written', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ' ', ':', '\u2028', 'é', '{') });
    const event = fc.record({ event: word, id: word, retry: fc.nat(), data: fc.string({ unit: fc.constantFrom('a', ' ', ':', '\n', '\ufeff') }) }, { requiredKeys: ['data'] });
    fc.assert(fc.property(fc.array(event), (events) => {
      expect(parseSse(events.map(formatSse).join(''))).toEqual(events);
    }));
  });

  test('has no line that a field smuggled in', () => {
    expect(formatSse({ data: 'a\r\nevent: x\rid: 1' })).toBe('data: a\ndata: event: x\ndata: id: 1\n\n');
    expect(() => formatSse({ event: 'x\ndata: y', data: '' })).toThrow(RangeError);
    expect(() => formatSse({ id: '1\r', data: '' })).toThrow(RangeError);
  });
});

const json = (message: unknown) => looksLikeToolError(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), 'application/json');
const stream = (text: string) => looksLikeToolError(Buffer.from(text), 'Text/Event-Stream; charset=utf-8');
const answer = (result: unknown) => ({ jsonrpc: '2.0', id: 1, result });
const failure = { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } };
const note = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'error', data: { result: 1, error: 2, isError: true } } };
const sse = (...messages: readonly unknown[]): string => messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`).join('');

describe('an answer to a tools/call', () => {
  test.each([
    ['a result', answer({ content: [] }), 'ok'],
    ['isError false', answer({ content: [], isError: false }), 'ok'],
    ['isError true', answer({ content: [], isError: true }), 'tool_error'],
    ['isError as a word', answer({ content: [], isError: 'true' }), 'ok'],
    ['isError deeper inside', answer({ structuredContent: { isError: true } }), 'ok'],
    ['a text that speaks of "isError":true', answer({ content: [{ type: 'text', text: '"isError":true "error"' }] }), 'ok'],
    ['a field named error', answer({ structuredContent: { error: 'x' } }), 'ok'],
    ['an escaped isError', '{"jsonrpc":"2.0","id":1,"result":{"is\\u0045rror":true}}', 'tool_error'],
    ['isError true after white space', '\r\n {"jsonrpc":"2.0","id":1,"result":{"isError" : true}}\n', 'tool_error'],
    ['a JSON-RPC error', failure, 'error'],
    ['an escaped error', '{"jsonrpc":"2.0","id":1,"\\u0065rror":{"code":1,"message":"\\"result\\""}}', 'error'],
    ['a batch of one', [answer({ isError: true })], 'tool_error'],
    ['a request of the server', { jsonrpc: '2.0', id: 1, method: 'x', params: { result: {} } }, 'error'],
    ['a result cut off', '{"jsonrpc":"2.0","id":1,"result":{"content":[', 'error'],
    ['no JSON', 'Bad Gateway', 'error'],
    ['nothing', '', 'error'],
    ['null', 'null', 'error'],
    ['a result that is null', answer(null), 'error'],
  ] as const)('as JSON with %s', (_, message, kind) => expect(json(message)).toBe(kind));

  test.each([
    ['a result', sse(answer({ content: [] })), 'ok'],
    ['a tool error', sse(answer({ isError: true })), 'tool_error'],
    ['an error', sse(failure), 'error'],
    ['notices before the result', sse(note, note, answer({ content: [] })), 'ok'],
    ['notices before the tool error', `id: 1\ndata:\n\n${sse(note, answer({ isError: true }))}`, 'tool_error'],
    ['only notices', sse(note), 'error'],
    ['a result over several lines', 'data: {"jsonrpc":"2.0",\ndata: "id":1,"result":\ndata: {"isError":true}}\n\n', 'tool_error'],
    ['a result that is cut off', sse(answer({ content: [] })).slice(0, -1), 'error'],
    ['nothing', '', 'error'],
    ['only comments', ': ping\n\n', 'error'],
  ] as const)('as a stream with %s', (_, text, kind) => expect(stream(text)).toBe(kind));
});
