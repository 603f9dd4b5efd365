import { expect, test } from 'vitest';
import { approvalScopeOf } from '../../../src/data-plane/enforcement/approval-scope.js';

const given = { a: 1 };

test('A call that says nothing beside its arguments is covered as those, however its client says who it is', () => {
  const meta = {
    progressToken: 1,
    traceparent: '00-1',
    tracestate: 'a',
    baggage: 'b',
    'io.modelcontextprotocol/clientInfo': {},
  };
  for (const params of [
    { name: 't', arguments: given },
    { name: 't', arguments: given, _meta: meta },
    { uri: 'x://a', _meta: {} },
    undefined,
  ]) {
    expect(approvalScopeOf({ arguments: given, params })).toEqual({
      digested: given,
      argumentsShown: given,
      othersShown: undefined,
    });
  }
});

test('Whatever else it says is covered, each in its place, and shown apart from the arguments', () => {
  const others = { task: { ttl: 1 }, extra: null, _meta: { 'vendor/x': 1 } };
  expect(
    approvalScopeOf({
      arguments: given,
      params: { name: 't', arguments: given, ...others, _meta: { progressToken: 1, 'vendor/x': 1 } },
    }),
  ).toEqual({
    digested: [given, null, null, others],
    argumentsShown: given,
    othersShown: others,
  });
  expect(approvalScopeOf({ arguments: given, params: { arguments: given, requestState: 's' } })).toEqual({
    digested: [given, null, 's', null],
    argumentsShown: { arguments: given, inputResponses: undefined, requestState: 's' },
    othersShown: undefined,
  });
  const digests = [
    { task: 1 },
    { extra: 1 },
    { _meta: { task: 1 } },
    { requestState: { task: 1 } },
    { inputResponses: { task: 1 } },
  ].map((params) => JSON.stringify(approvalScopeOf({ arguments: {}, params }).digested));
  expect(new Set(digests).size).toBe(digests.length);
});
