import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { collectAnswer } from '../../../src/data-plane/relay/collect-answer.js';
import type { Sink, UpstreamRequest } from '../../../src/mcp/upstream/forward.js';
import { OpeningSession } from '../../../src/data-plane/sessions/opening-session.js';

const NOTICE = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":';
const notice = (bytes: number): Buffer => Buffer.from(`data: ${NOTICE}"${'x'.repeat(bytes)}"}}\n\n`);
const request = {
  server: { id: 'srv_1', organizationId: 'org_1' },
  grantId: 'grt_1',
  silenceMs: 0,
} as unknown as UpstreamRequest;

/** A client's response; its client takes one write for each call of `take`. */
const clientOf = () => {
  const written: Buffer[] = [];
  const pending: (() => void)[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      pending.push(done);
    },
  });
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.assignSocket(socket as Socket);
  return { response, written, take: () => pending.shift()?.() };
};

test('a server that says much before its answer waits for a client that does not take it', async () => {
  const { response } = clientOf();
  let resumes = 0;
  const upstream = {} as { sink: Sink };
  const forward = (_request: UpstreamRequest, sink: Sink) => {
    upstream.sink = sink;
    return { resume: () => void (resumes += 1), abort: () => undefined };
  };
  const collected = collectAnswer({ forward }, request, {
    maxBytes: 2 ** 20,
    id: 1,
    until: response,
    onInterim: ({ event }) => void response.write(event),
  });
  upstream.sink.head(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  while (sent < 100 && upstream.sink.data(notice(4096))) sent += 1;
  expect(sent).toBeLessThan(20);
  expect([upstream.sink.data(notice(1)), resumes]).toEqual([false, 0]);
  // As Node's server does when the client has taken all.
  response.emit('drain');
  expect(resumes).toBe(1);
  expect(upstream.sink.data(Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'))).toBe(true);
  expect(await collected).toMatchObject({ status: 200, isStream: true });
  upstream.sink.end();
});

test('64 KiB of what a server says before it answers an initialize wait for the answer, and no more', async () => {
  const { response, written, take } = clientOf();
  const deps = { sessionKey: Buffer.alloc(32), eventDropped: () => undefined, streams: { add: () => undefined } };
  const session = { era: 'legacy', sessionId: 's', protocolVersion: '2025-06-18', clientCapabilities: {} };
  const opening = new OpeningSession(deps as never, { response, who: {} } as never, () => session as never);
  for (let index = 0; index < 10; index += 1) opening.pass({ event: notice(10 * 1024), isRequest: false, headers: {} });
  expect(opening.open({}, { text: '{"id":1}', version: '2025-06-18' })).toBeUndefined();
  const text = (): string => (take(), Buffer.concat(written).toString());
  await expect.poll(text, { interval: 1 }).toContain('data: {"id":1}');
  expect(text().split(NOTICE)).toHaveLength(7);
});
