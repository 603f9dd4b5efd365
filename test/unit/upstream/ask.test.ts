import { expect, test, vi } from 'vitest';
import { collectAnswer } from '../../../src/data-plane/relay/collect-answer.js';
import { ask, type UpstreamAnswer } from '../../../src/mcp/upstream/ask.js';
import type { Forward, Sink, UpstreamRequest } from '../../../src/mcp/upstream/forward.js';

const request: UpstreamRequest = {
  server: {
    id: 'srv_1',
    organizationId: 'org_1',
    transport: { type: 'streamable-http', url: new URL('http://127.0.0.1:1/') },
    eras: ['legacy'],
  },
  grantId: 'grt_1',
  era: 'legacy',
  method: 'POST',
  headers: {},
  body: Buffer.from('{}'),
  silenceMs: 0,
};
const EVENTS = { 'content-type': 'text/event-stream' };
const ANSWER = 'data: {"id":1,"jsonrpc":"2.0","result":{"a":1}}\n\n';
const MAX_BYTES = 2 ** 20;

type Opened = { sink: Sink; aborts: number };

/** An upstream whose answer is an event stream that the test writes. */
const upstream = (): Readonly<{ opened: Opened; forward: Forward }> => {
  const opened = { aborts: 0 } as Opened;
  const forward: Forward = (_request, sink) => {
    opened.sink = sink;
    sink.head(200, EVENTS);
    return {
      resume: () => undefined,
      abort: () => {
        opened.aborts += 1;
        if (opened.aborts === 1) sink.fail({ kind: 'aborted', sent: true });
      },
    };
  };
  return { opened, forward };
};

const begin: readonly [string, (forward: Forward) => Promise<unknown>][] = [
  ['an answer of our own question', (forward) => ask(forward, request, 1, { timeoutMs: 60_000, maxBytes: MAX_BYTES })],
  ['a collected answer', (forward) => collectAnswer({ forward }, request, { maxBytes: MAX_BYTES, id: 1 })],
];

test.each(begin)('%s is given up after 100 events that are no JSON', async (_what, run) => {
  const { opened, forward } = upstream();
  const answer = run(forward);
  opened.sink.data(Buffer.from('data: {x}\n\n'.repeat(100)));
  expect(opened.aborts).toBe(0);
  const parse = vi.spyOn(JSON, 'parse');
  try {
    for (let chunk = 0; chunk < 50; chunk += 1) opened.sink.data(Buffer.from('data: {x}\n\n'.repeat(100)));
    expect(parse.mock.calls.length).toBeLessThan(10);
  } finally {
    parse.mockRestore();
  }
  expect(opened.aborts).toBe(1);
  expect(await answer).toMatchObject({ kind: expect.stringMatching(/^(failed|broken)$/) });
});

test.each(begin)('%s is read no further than its response', async (_what, run) => {
  const { opened, forward } = upstream();
  const answer = run(forward);
  opened.sink.data(Buffer.from(ANSWER));
  const parse = vi.spyOn(JSON, 'parse');
  try {
    for (let chunk = 0; chunk < 50; chunk += 1) opened.sink.data(Buffer.from('data: {"method":"x"}\n\n'.repeat(100)));
    expect(parse).not.toHaveBeenCalled();
  } finally {
    parse.mockRestore();
  }
  expect(await answer).not.toMatchObject({ kind: 'failed' });
  opened.sink.end();
});

test('events without data and messages of other kinds before the response are passed over, however many', async () => {
  const { opened, forward } = upstream();
  const answer = ask(forward, request, 1, { timeoutMs: 60_000, maxBytes: MAX_BYTES });
  opened.sink.data(
    Buffer.from(
      `${'data: {"method":"x"}\n\n'.repeat(500)}${'data:\n\n'.repeat(500)}${': comment\n\n'.repeat(500)}${ANSWER}`,
    ),
  );
  opened.sink.end();
  expect((await answer) satisfies UpstreamAnswer).toMatchObject({
    kind: 'response',
    response: { kind: 'result', result: { a: 1 } },
  });
});
