import { createServer, request as send, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { relayAnswer } from '../../../src/data-plane/relay/relay-answer.js';
import { RunningCalls, type RunningCall } from '../../../src/data-plane/relay/running-calls.js';
import type { Sink, UpstreamRequest } from '../../../src/mcp/upstream/forward.js';

const BOTH = 'application/json, text/event-stream';
const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_HEAD = { 'content-type': 'application/json' };
const RESULT = '{"jsonrpc":"2.0",\n"id":1,"result":{"content":[]}}';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.useRealTimers();
});

/** A call whose upstream the test plays, over a real connection; `answer` is what its client got, once it has all. */
const relayed = async (accept: string | undefined = BOTH) => {
  const upstream: { sink?: Sink } = {};
  const statuses: string[] = [];
  let began = (_call: RunningCall): void => undefined;
  const begun = new Promise<RunningCall>((resolve) => (began = resolve));
  const server = createServer((request, response) => {
    const parts = {
      forward: (_request: UpstreamRequest, sink: Sink) => {
        upstream.sink = sink;
        return { resume: () => undefined, abort: () => undefined };
      },
      streams: { add: () => undefined },
      eventDropped: () => undefined,
      upstreamTimeoutMs: 60_000,
    };
    const session = { era: 'legacy', sessionId: 's', clientCapabilities: {} };
    const exchange = { request, response, who: {}, session };
    const done = ({ status }: Readonly<{ status: string }>): void => void statuses.push(status);
    began(relayAnswer(parts as never, exchange as never, {} as never, { id: 1, tool: null, done }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const headers = accept === undefined ? {} : { accept };
  const answer = new Promise<Readonly<{ type: string | undefined; text: string }>>((resolve, reject) => {
    const got = (response: IncomingMessage): void => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ type: response.headers['content-type'], text }));
      response.on('error', reject);
    };
    send({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', headers }, got)
      .on('error', reject)
      .end();
  });
  const call = await begun;
  return { call, sink: upstream.sink as Sink, statuses, answer };
};

describe('a client that waits for a long call', () => {
  test('gets a comment, and then the answer as the last event', async () => {
    const { call, sink, statuses, answer } = await relayed();
    call.keepAlive();
    call.keepAlive();
    sink.head(200, JSON_HEAD);
    sink.data(Buffer.from(RESULT));
    sink.end();
    const { type, text } = await answer;
    expect(type).toBe('text/event-stream');
    expect(text).toBe(':\n\n:\n\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{"content":[]}}\n\n');
    expect(statuses).toEqual(['ok']);
  });

  test('gets the events of the upstream on the stream that has begun', async () => {
    const { call, sink, answer } = await relayed();
    call.keepAlive();
    sink.head(200, EVENTS);
    sink.data(Buffer.from('data: {"jsonrpc":"2.0","method":"notifi'));
    call.keepAlive();
    sink.data(Buffer.from('cations/message","params":{"level":"info","data":1}}\n\n'));
    call.keepAlive();
    sink.data(Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n'));
    sink.end();
    expect((await answer).text).toBe(
      ':\n\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n' +
        ':\n\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n',
    );
  });

  test('gets an answer that is too long to be held as one event', async () => {
    const { call, sink, statuses, answer } = await relayed();
    const content = `[${'"0123456789",\r\n'.repeat(50_000)}"end"]`;
    const body = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"a":${content}},"content":[]}}`);
    call.keepAlive();
    sink.head(200, JSON_HEAD);
    for (let at = 0; at < body.length; at += 60_000) sink.data(body.subarray(at, at + 60_000));
    sink.end();
    const [comment, event, rest] = (await answer).text.split('\n\n');
    expect([comment, rest]).toEqual([':', '']);
    expect(event).toMatch(/^data: .*"end"\]/);
    expect(JSON.parse((event ?? '').slice(6))).toMatchObject({ id: 1, result: { content: [] } });
    expect(statuses).toEqual(['ok']);
  });

  test('gets an error as the last event when the upstream fails or refuses', async () => {
    const broken = await relayed();
    broken.call.keepAlive();
    broken.sink.fail({ kind: 'broken', sent: true });
    expect((await broken.answer).text).toMatch(/^:\n\ndata: \{"jsonrpc":"2.0","id":1,"error":.*\}\n\n$/);

    const refused = await relayed();
    refused.call.keepAlive();
    refused.sink.head(503, JSON_HEAD);
    refused.sink.end();
    expect((await refused.answer).text).toMatch(/^:\n\ndata: \{"jsonrpc":"2.0","id":1,"error":.*\}\n\n$/);
  });

  test.each([undefined, 'application/json', 'application/json, text/event-stream;q=0'])(
    'gets no event when it takes none: Accept %s',
    async (accept) => {
      const { call, sink, answer } = await relayed(accept ?? '');
      call.keepAlive();
      sink.head(200, JSON_HEAD);
      sink.data(Buffer.from(RESULT));
      sink.end();
      expect(await answer).toEqual({ type: 'application/json', text: RESULT });
    },
  );

  test('gets no comment any more once its answer has come', async () => {
    const { call, sink, answer } = await relayed();
    sink.head(200, EVENTS);
    sink.data(Buffer.from(`data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n`));
    call.keepAlive();
    sink.end();
    expect((await answer).text).toBe('data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n');
  });
});

test('A call gets its first comment after 10 to 15 s and another every 15 s, until it is done', () => {
  vi.useFakeTimers();
  const running = new RunningCalls();
  const comments: number[] = [];
  let done = (): void => undefined;
  vi.advanceTimersByTime(3000);
  const began = Date.now();
  running.begin('ses_1', 1, ({ ended }) => {
    done = ended;
    const keepAlive = (): void => void comments.push((Date.now() - began) / 1000);
    return { resume: () => undefined, abort: () => undefined, keepAlive };
  });
  vi.advanceTimersByTime(50_000);
  expect(comments).toHaveLength(3);
  expect(comments[0]).toBeGreaterThanOrEqual(10);
  expect(comments[0]).toBeLessThanOrEqual(15);
  expect(comments.map((at) => at - (comments[0] ?? 0))).toEqual([0, 15, 30]);
  done();
  vi.advanceTimersByTime(50_000);
  expect(comments).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});
