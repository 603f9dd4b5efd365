import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Backoff } from '../../../src/mcp/transports/backoff.js';
import type { ChannelEvents } from '../../../src/mcp/transports/channel.js';
import { ReopeningChannel } from '../../../src/mcp/transports/reopening-channel.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const nothing = (): void => undefined;

/** A channel to a server that can be made to crash, and how what is sent next fares. */
const build = (isProcess = true) => {
  const opened: ChannelEvents[] = [];
  const channel = new ReopeningChannel(
    (events) => {
      opened.push(events);
      return { send: nothing, pause: nothing, resume: nothing, close: nothing };
    },
    { message: nothing, closed: nothing },
    new Backoff(isProcess),
  );
  const send = (): string => {
    let fate = 'sent';
    channel.send({ body: Buffer.from('{}'), headers: {}, failed: ({ kind }) => (fate = kind) }, () => undefined);
    return fate;
  };
  return { send, crash: (sent = true) => opened.at(-1)?.closed({ kind: 'broken', sent }), opened };
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

test('a server over HTTP that was away, however often it was tried, is asked as soon as it is wanted', () => {
  const { send, crash, opened } = build(false);
  for (let tries = 0; tries < 5; tries += 1) {
    expect(send()).toBe('sent');
    crash(false);
  }
  expect(send()).toBe('sent');
  expect(opened).toHaveLength(6);
});
