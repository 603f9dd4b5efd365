import { expect, test } from 'vitest';
import { errorCodeOf, parseServerMessage, readResponse, readResponseTo } from '../../../src/mcp/protocol/response.js';

const error = { code: -32_601, message: 'no' };

test.each([
  ['a result', { id: 1, result: {} }, 'result'],
  ['a result beside "error": null', { id: 1, result: {}, error: null }, 'result'],
  ['a result beside "method": null', { id: 1, result: {}, method: null }, 'result'],
  ['an error', { id: 1, error }, 'error'],
  ['an error beside "result": null', { id: 1, error, result: null }, 'error'],
  ['an error beside a result', { id: 1, error, result: {} }, 'error'],
  ['an error without a code', { id: 1, error: {} }, 'error'],
  ['"result": null', { id: 1, result: null }, undefined],
  ['a result that is a list', { id: 1, result: [] }, undefined],
  ['a result beside an error that is a text', { id: 1, result: {}, error: 'failed' }, undefined],
  ['a request', { id: 1, method: 'ping', result: {} }, undefined],
  ['a list', [{ id: 1, result: {} }], undefined],
  ['null', null, undefined],
])('%s is read as a response by the values of its members', (_, message, kind) =>
  expect(readResponse(message)?.kind).toBe(kind),
);

test('a response belongs to the request whose id it has, and an error without an id to any', () => {
  expect(readResponseTo(1, { id: 1, result: {} })?.kind).toBe('result');
  expect(readResponseTo(1, { id: '1', result: {} })).toBeUndefined();
  expect(readResponseTo(1, { id: null, result: {} })).toBeUndefined();
  expect(readResponseTo(1, { id: null, error })?.kind).toBe('error');
  expect(readResponseTo(1, { error })?.kind).toBe('error');
  expect(readResponseTo(1, { id: 2, error })).toBeUndefined();
});

test('an error code is an integer or none', () => {
  expect(errorCodeOf({ error })).toBe(-32_601);
  expect(errorCodeOf({ error: { code: '-32601' } })).toBeUndefined();
  expect(errorCodeOf({ result: {} })).toBeUndefined();
});

test.each(['{"a":1}', '\uFEFF{"a":1}', '\n \n{"a":1}\n\n', '\uFEFF\n[{"a":1}]'])(
  'the one message in %j is read as clients read it',
  (text) => expect(parseServerMessage(text)).toEqual({ a: 1 }),
);

test.each(['[{"a":1},{"b":2}]', '[]', '[[{"a":1}]]', '\uFEFF\uFEFF{}', '{"a":1}{', '1', ''])(
  '%j is no message of a server',
  (text) => expect(parseServerMessage(text)).toBeUndefined(),
);
