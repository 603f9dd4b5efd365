import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ChannelEvents } from '../../../src/mcp/transports/channel.js';
import { ReopeningChannel } from '../../../src/mcp/transports/reopening-channel.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const nothing = (): void => undefined;

/** A channel to a server that can be made to crash, and how what is sent next fares. */
const build = () => {
  const opened: ChannelEvents[] = [];
  const channel = new ReopeningChannel(
    (events) => {
      opened.push(events);
      return { send: nothing, pause: nothing, resume: nothing, close: nothing };
    },
    { message: nothing, closed: nothing },
  );
  const send = (): string => {
    let fate = 'sent';
    channel.send({ body: Buffer.from('{}'), headers: {}, failed: ({ kind }) => (fate = kind) }, () => undefined);
    return fate;
  };
  return { send, crash: () => opened.at(-1)?.closed({ kind: 'broken', sent: true }), opened };
};

test('a server that crashed twice rests a second, a wall clock that is set back an hour or not', () => {
  const { send, crash, opened } = build();
  expect(send()).toBe('sent');
  crash();
  expect(send()).toBe('sent');
  crash();
  expect(send()).toBe('unreachable');
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(999);
  expect(send()).toBe('unreachable');
  vi.advanceTimersByTime(1);
  expect(send()).toBe('sent');
  expect(opened).toHaveLength(3);
});
