import { expect, test } from 'vitest';
import { RunningCalls, type CallEvents } from '../../../src/data-plane/relay/running-calls.js';

const RUNNING = { resume: () => undefined, abort: () => undefined, keepAlive: () => undefined };

/** Starts a call of a session, and answers its events. */
const begin = (calls: RunningCalls, sessionId: string | null): CallEvents => {
  let events: CallEvents | undefined;
  calls.begin(sessionId, 1, (given) => {
    events = given;
    return RUNNING;
  });
  return events as CallEvents;
};

test('a call whose client left is given up once, when that client calls again in the same session', () => {
  const calls = new RunningCalls();
  const given: string[] = [];
  begin(calls, 'one').left(() => given.push('one'));
  begin(calls, 'two').left(() => given.push('two'));
  begin(calls, 'three');
  expect(given).toEqual([]);
  begin(calls, 'one');
  begin(calls, 'one');
  expect(given).toEqual(['one']);
});

test('a call that ended is not given up, whether its client left before or after', () => {
  const calls = new RunningCalls();
  const [before, after] = [begin(calls, 'one'), begin(calls, 'one')];
  const giveUp = (): void => expect.unreachable();
  before.left(giveUp);
  before.ended();
  after.ended();
  after.left(giveUp);
  begin(calls, null).left(giveUp);
  begin(calls, 'one');
});
