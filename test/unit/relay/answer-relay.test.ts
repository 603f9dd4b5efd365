import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { relayAnswer } from '../../../src/data-plane/relay/relay-answer.js';
import type { Relayed } from '../../../src/data-plane/relay/relayed.js';
import type { Sink, UpstreamFailure, UpstreamRequest } from '../../../src/mcp/upstream/forward.js';

const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_HEAD = { 'content-type': 'application/json' };
const BROKEN: UpstreamFailure = { kind: 'broken', sent: true };
const result = (id: unknown, content: unknown = []): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content } });

/** A request whose upstream the test plays, and what its client got. */
const relayed = (era: 'legacy' | 'modern' = 'legacy', own: string | number = 1, transport = 'streamable-http') => {
  const written: Buffer[] = [];
  const outcomes: Relayed[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.assignSocket(socket as Socket);
  const upstream = { sink: undefined as unknown as Sink, aborted: false, resume: () => undefined as void };
  const told: unknown[] = [];
  let giveUp: (() => void) | undefined;
  const server = { transport: { type: transport }, headers: {} };
  const relay = relayAnswer(
    {
      forward: ({ body: sent }: UpstreamRequest, sink: Sink) => {
        if (sent) {
          told.push(JSON.parse(sent.toString()));
          return { resume: () => undefined, abort: () => undefined };
        }
        upstream.sink = sink;
        return {
          resume: () => upstream.resume(),
          abort: () => {
            if (!upstream.aborted) sink.fail({ kind: 'aborted', sent: true });
            upstream.aborted = true;
          },
        };
      },
      streams: { add: () => undefined },
      eventDropped: () => undefined,
      upstreamTimeoutMs: 60_000,
    } as never,
    {
      response,
      who: { server, grant: { id: 'grt_1' } },
      session: { era, sessionId: 's', clientCapabilities: {} },
    } as never,
    {} as never,
    {
      id: own,
      tool: null,
      left: (how) => (giveUp = how),
      done: (outcome) => outcomes.push(outcome),
    },
  );
  const leave = (): (() => void) | undefined => {
    response.emit('close');
    return giveUp;
  };
  const body = (): string => {
    const text = Buffer.concat(written).toString();
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };
  return {
    relay,
    response,
    upstream,
    outcomes,
    told,
    leave,
    statuses: () => outcomes.map(({ status }) => status),
    body,
  };
};

const begin = (
  one: ReturnType<typeof relayed>,
  headers: Record<string, string>,
  ...chunks: readonly string[]
): void => {
  one.upstream.sink.head(200, headers);
  for (const chunk of chunks) one.upstream.sink.data(Buffer.from(chunk));
};

test('a call whose stream brought its answer is over at once, and the open stream is closed soon after', async () => {
  const one = relayed();
  begin(one, EVENTS, ': begins\n\n', `data: ${result(1)}\n\n`);
  expect(one.statuses()).toEqual(['ok']);
  expect(one.response.writableEnded).toBe(false);
  await expect.poll(() => [one.response.writableEnded, one.upstream.aborted], { timeout: 5000 }).toEqual([true, true]);
  expect(one.body()).not.toContain('error');
  expect(one.statuses()).toEqual(['ok']);
});

test('the answer of another request in a stream does not end the call', () => {
  const one = relayed();
  begin(one, EVENTS, `data: ${result(2, [{ id: 1 }])}\n\n`);
  expect(one.statuses()).toEqual([]);
  one.upstream.sink.data(Buffer.from(`data: ${result(1)}\n\n`));
  expect(one.statuses()).toEqual(['ok']);
});

test('a stream that breaks off after its answer ends without an error', () => {
  const one = relayed();
  begin(one, EVENTS, `data: ${result(1)}\n\n`);
  one.upstream.sink.fail(BROKEN);
  expect([one.statuses(), one.response.writableEnded]).toEqual([['ok'], true]);
  expect(one.body()).not.toContain('error');
});

test.each(['breaks off', 'ends'])(
  'a resumable stream that %s before its answer ends without an error, and has the outcome of the resumed one',
  (how) => {
    const one = relayed();
    begin(one, EVENTS, 'id: 1\ndata:\n\n');
    if (how === 'ends') one.upstream.sink.end();
    else one.upstream.sink.fail(BROKEN);
    expect([one.response.writableEnded, one.statuses()]).toEqual([true, []]);
    expect(one.body()).not.toContain('error');
    one.relay.answeredElsewhere('tool_error');
    expect(one.statuses()).toEqual(['tool_error']);
  },
);

test('a call whose stream can be resumed ends when its client cancels it', () => {
  const one = relayed();
  begin(one, EVENTS, 'id: 1\ndata:\n\n');
  one.upstream.sink.fail(BROKEN);
  one.relay.abort();
  expect(one.statuses()).toEqual(['cancelled']);
});

test.each([
  ['breaks off', 'legacy', 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'],
  ['breaks off', 'modern', 'id: 1\ndata:\n\n'],
  ['ends', 'legacy', ': nothing\n\n'],
] as const)('a stream that %s without an answer and can not be resumed (%s) ends in an error', (how, era, text) => {
  const one = relayed(era);
  begin(one, EVENTS, text);
  if (how === 'ends') one.upstream.sink.end();
  else one.upstream.sink.fail(BROKEN);
  expect(one.statuses()).toEqual(['upstream_error']);
  expect(one.body()).toContain('"error":{"code":-33103');
});

test('a JSON answer that is whole counts although its connection breaks off or never ends', () => {
  for (const kind of ['broken', 'timeout'] as const) {
    const one = relayed();
    begin(one, JSON_HEAD, result(1));
    one.upstream.sink.fail({ kind, sent: true });
    expect([one.statuses(), one.body()]).toEqual([['ok'], result(1)]);
  }
});

test.each([
  ['a result beside an error that is null', '{"jsonrpc":"2.0","id":1,"result":{"content":[]},"error":null}', 'ok'],
  [
    'an error beside a result that is null',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"},"result":null}',
    'upstream_error',
  ],
])('%s is what it says, in JSON and in a stream', (_, text, status) => {
  const [json, stream] = [relayed(), relayed()];
  begin(json, JSON_HEAD, text);
  json.upstream.sink.end();
  begin(stream, EVENTS, `data: ${text}\n\n`);
  expect([json.statuses(), json.body()]).toEqual([[status], text]);
  expect(stream.statuses()).toEqual([status]);
});

test('an error without an id goes to the client under the id of its request, in JSON and in a stream', async () => {
  const text = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"unreadable","data":9007199254740993}}';
  const [json, stream] = [relayed('legacy', 'a'), relayed('legacy', 'a')];
  begin(json, JSON_HEAD, text);
  json.upstream.sink.end();
  begin(stream, EVENTS, `data: ${text}\n\n`);
  for (const { body } of [json, stream]) await expect.poll(body).toContain(text.replace('null', '"a"'));
});

test('16 MiB of an answer that floods after its client left are read in turns; its outcome is unknown', async () => {
  const one = relayed();
  begin(one, EVENTS, ': begins\n\n');
  one.response.destroy();
  const chunk = Buffer.from(`: ${'x'.repeat(64 * 1024)}\n\n`);
  let [bytes, pauses] = [0, 0];
  while (!one.upstream.aborted) {
    const resumed = new Promise<void>((done) => (one.upstream.resume = done));
    bytes += chunk.length;
    if (one.upstream.sink.data(chunk)) continue;
    pauses += 1;
    await resumed;
  }
  expect(bytes).toBeLessThanOrEqual(16 * 2 ** 20 + chunk.length);
  expect(pauses).toBe(Math.ceil(bytes / chunk.length));
  expect(one.statuses()).toEqual(['unknown']);
});

test('an answer that comes after its client left, before the bound, has its outcome', () => {
  const one = relayed();
  begin(one, EVENTS, ': begins\n\n');
  one.response.destroy();
  one.upstream.sink.data(Buffer.from(`data: ${result(1)}\n\n`));
  expect(one.statuses()).toEqual(['ok']);
});

test.each([
  ['streamable-http', []],
  ['stdio', [{ jsonrpc: '2.0', method: 'notifications/cancelled', params: expect.objectContaining({ requestId: 1 }) }]],
])('a call over %s that its client gave up is closed, and a channel is told', (transport, told) => {
  const one = relayed('legacy', 1, transport);
  one.leave()?.();
  expect([one.upstream.aborted, one.statuses(), one.told]).toEqual([true, ['unknown'], told]);
});

test('a call whose client left can not be given up where it can be resumed, is over, or is cancelled by that', () => {
  const [resumable, answered, modern] = [relayed(), relayed(), relayed('modern')];
  begin(resumable, EVENTS, 'id: 1\ndata:\n\n');
  begin(answered, JSON_HEAD, result(1));
  answered.upstream.sink.end();
  for (const one of [resumable, answered, modern]) expect(one.leave()).toBeUndefined();
  expect(modern.statuses()).toEqual(['cancelled']);
});

test('a call that ends after its client left leaves no timer behind, which would keep all of it in memory', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const one = relayed();
    one.relay.left();
    expect(vi.getTimerCount()).toBe(1);
    begin(one, JSON_HEAD, result(1));
    one.upstream.sink.end();
    expect([vi.getTimerCount(), one.statuses()]).toEqual([0, ['ok']]);
  } finally {
    vi.useRealTimers();
  }
});

test('an error body without end is cut off, and its client has an answer', () => {
  const one = relayed();
  one.upstream.sink.head(500, JSON_HEAD);
  for (let sent = 0; sent < 10 && !one.upstream.aborted; sent += 1)
    one.upstream.sink.data(Buffer.alloc(64 * 1024, ' '));
  expect([one.upstream.aborted, one.statuses()]).toEqual([true, ['upstream_error']]);
  expect(one.body()).toContain('HTTP status 500');
});
