import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { LiveStreams } from '../../../src/data-plane/relay/live-streams.js';

const who = { grant: { id: 'grt_1' }, tokenHash: Buffer.alloc(32) };
const kind = { sessionId: null, standing: false, tool: null };

test('an event stream is held until it closes, and not at all when its client has left already', () => {
  const streams = new LiveStreams({ lookUp: () => undefined } as never);
  const [open, left] = [new IncomingMessage(new Socket()), new IncomingMessage(new Socket())].map(
    (request) => new ServerResponse(request),
  ) as [ServerResponse, ServerResponse];
  left.destroy();
  streams.add(left, who as never, kind);
  expect(streams.size).toBe(0);
  streams.add(open, who as never, kind);
  expect(streams.size).toBe(1);
  open.emit('close');
  expect(streams.size).toBe(0);
  streams.stop();
});
