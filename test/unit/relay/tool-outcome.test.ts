import { describe, expect, test } from 'vitest';
import type { LegacyCaller } from '../../../src/mcp/protocol/caller.js';
import { parsedJson } from '../../../src/platform/json/parsed-json.js';
import { EventScreen } from '../../../src/data-plane/relay/event-screen.js';
import { isPlainResult, outcomeOf } from '../../../src/data-plane/relay/tool-outcome.js';

/** As relay-answer does it: what is no plain result is parsed. */
const json = (message: unknown) => {
  const body = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  return isPlainResult(body.toString('latin1')) ? 'ok' : outcomeOf(parsedJson(body.toString('utf8')));
};
/** What is found in the stream that answers request 1, however its bytes are cut. */
const stream = (text: string, step = text.length + 1) => {
  const outcomes: string[] = [];
  const screen = new EventScreen(
    { caller: { era: 'legacy', clientCapabilities: {} } as LegacyCaller, own: 1 },
    {
      refused: () => undefined,
      dropped: () => undefined,
      answered: ({ outcome }) => void outcomes.push(outcome),
    },
  );
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += step) screen.pass(bytes.subarray(at, at + step));
  return outcomes.join() || 'none';
};
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
    ['a result and an error that is null', { ...answer({ content: [] }), error: null }, 'ok'],
    ['an error and a result that is null', { ...failure, result: null }, 'error'],
    ['both a result and an error', { ...failure, result: {} }, 'error'],
  ] as const)('as JSON with %s', (_, message, kind) => expect(json(message)).toBe(kind));

  test.each([
    ['a result', sse(answer({ content: [] })), 'ok'],
    ['a tool error', sse(answer({ isError: true })), 'tool_error'],
    ['an error', sse(failure), 'error'],
    ['notices before the result', sse(note, note, answer({ content: [] })), 'ok'],
    ['notices before the tool error', `id: 1\ndata:\n\n${sse(note, answer({ isError: true }))}`, 'tool_error'],
    ['only notices', sse(note), 'none'],
    [
      'a result over several lines',
      'data: {"jsonrpc":"2.0",\ndata: "id":1,"result":\ndata: {"isError":true}}\n\n',
      'tool_error',
    ],
    ['a result that is cut off', sse(answer({ content: [] })).slice(0, -1), 'none'],
    ['nothing', '', 'none'],
    ['only comments', ': ping\n\n', 'none'],
    ['a result and an error that is null', sse({ ...answer({ content: [] }), error: null }), 'ok'],
    ['an error and a result that is null', sse({ ...failure, result: null }), 'error'],
    ['an error without an id', sse({ ...failure, id: null }), 'error'],
    ['the result of another request', sse({ ...answer({ content: [{ id: 1 }] }), id: 2 }), 'none'],
    ['a result whose id stands first', 'data: {"id":1,"jsonrpc":"2.0","result":{"id":2}}\n\n', 'ok'],
  ] as const)('as a stream with %s', (_, text, kind) =>
    expect([stream(text), stream(text, 1), stream(text, 7)]).toEqual([kind, kind, kind]),
  );
});
