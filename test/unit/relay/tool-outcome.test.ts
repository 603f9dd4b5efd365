import { describe, expect, test } from 'vitest';
import { parsedJson } from '../../../src/platform/json/parsed-json.js';
import { isPlainResult, outcomeOf, outcomeOfStream } from '../../../src/data-plane/relay/tool-outcome.js';

/** As relay-answer does it: what is no plain result is parsed. */
const json = (message: unknown) => {
  const body = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  return isPlainResult(body.toString('latin1')) ? 'ok' : outcomeOf(parsedJson(body.toString('utf8')));
};
const stream = (text: string) => outcomeOfStream(Buffer.from(text));
const answer = (result: unknown) => ({ jsonrpc: '2.0', id: 1, result });
const failure = { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } };
const note = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'error', data: { result: 1, error: 2, isError: true } },
};
const sse = (...messages: readonly unknown[]): string =>
  messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`).join('');

describe('an answer to a tools/call', () => {
  test.each([
    ['a result', answer({ content: [] }), 'ok'],
    ['isError false', answer({ content: [], isError: false }), 'ok'],
    ['isError true', answer({ content: [], isError: true }), 'tool_error'],
    ['isError as a word', answer({ content: [], isError: 'true' }), 'ok'],
    ['isError deeper inside', answer({ structuredContent: { isError: true } }), 'ok'],
    [
      'a text that speaks of "isError":true',
      answer({ content: [{ type: 'text', text: '"isError":true "error"' }] }),
      'ok',
    ],
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
    [
      'a result over several lines',
      'data: {"jsonrpc":"2.0",\ndata: "id":1,"result":\ndata: {"isError":true}}\n\n',
      'tool_error',
    ],
    ['a result that is cut off', sse(answer({ content: [] })).slice(0, -1), 'error'],
    ['nothing', '', 'error'],
    ['only comments', ': ping\n\n', 'error'],
  ] as const)('as a stream with %s', (_, text, kind) => expect(stream(text)).toBe(kind));
});
