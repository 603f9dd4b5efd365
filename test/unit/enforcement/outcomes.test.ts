import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Recorder, type Unnumbered } from '../../../src/enforcement/recorder.js';
import type { EventLog, LogEntry } from '../../../src/event-log/event-log.js';
import type { ToolCallCompleted } from '../../../src/event-log/events/index.js';

const outcome = (callId: string) => ({ type: 'toolCall.completed', organizationId: 'org_1', callId }) as ToolCallCompleted;
const decision = (callId: string) => ({ type: 'toolCall.decided', organizationId: 'org_1', callId }) as Unnumbered;

const makeRecorder = () => {
  const appended: string[] = [];
  const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
    const event = JSON.parse(entry.value.toString()) as { type: string; callId?: string };
    appended.push(event.callId ?? event.type);
    return Promise.resolve({ partition: 0, offset: appended.length });
  };
  return { recorder: new Recorder({ append } as unknown as EventLog), appended };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an outcome goes to the log right behind the next decision, and within 10 ms when there is none', async () => {
  const { recorder, appended } = makeRecorder();
  recorder.recordOutcome(outcome('a'));
  await recorder.recordAllow(decision('b'));
  expect(appended).toEqual(['gateway.started', 'b', 'a']);
  recorder.recordOutcome(outcome('c'));
  await vi.advanceTimersByTimeAsync(10);
  expect(appended).toEqual(['gateway.started', 'b', 'a', 'c']);
  await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(2000)]);
});

test('a stop writes the outcomes that wait, also those that come while it stops or later', async () => {
  const { recorder, appended } = makeRecorder();
  recorder.recordOutcome(outcome('before'));
  const stopped = Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(2000)]);
  recorder.recordOutcome(outcome('meanwhile'));
  await stopped;
  recorder.recordOutcome(outcome('after'));
  expect(appended).toEqual(['before', 'meanwhile', 'after']);
});
