import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Recorder } from '../../../src/data-plane/enforcement/recorder.js';
import type { Unnumbered } from '../../../src/record/event-log/event-text.js';
import type { EventLog, LogEntry } from '../../../src/record/event-log/event-log.js';
import type { ToolCallCompleted } from '../../../src/record/event-log/events/index.js';

const envelope = {
  id: 'evt_1',
  version: 1,
  time: '2026-01-01T00:00:00.000Z',
  organizationId: 'org_1',
  grantId: 'grt_1',
  identityId: 'idn_1',
  serverId: 'srv_1',
  tool: 'cancel_job',
} as const;
const outcome = (callId: string): ToolCallCompleted => ({
  ...envelope,
  type: 'toolCall.completed',
  callId,
  status: 'ok',
  upstreamStatus: 200,
  durationMs: 1,
  responseBytes: 1,
});
const decision = (callId: string): Unnumbered => ({
  ...envelope,
  type: 'toolCall.decided',
  callId,
  requestId: 1,
  sessionId: null,
  traceId: null,
  method: 'tools/call',
  protocolVersion: null,
  identityName: 'bot',
  serverName: 'GitLab',
  definitionHash: null,
  policyId: null,
  policyVersion: null,
  mode: null,
  effect: 'allow',
  code: 'allowed',
  rule: null,
  reason: '',
  reserved: [],
  argumentKeys: [],
  argumentsDigest: null,
  client: null,
  sourceIp: null,
  decisionMicros: 1,
});

const makeRecorder = () => {
  const appended: string[] = [];
  const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
    const event = JSON.parse(entry.value.toString()) as { type: string; callId?: string };
    appended.push(event.callId ?? event.type);
    return Promise.resolve({ partition: 0, offset: appended.length });
  };
  const recorder = new Recorder({ append } as unknown as EventLog);
  return {
    recorder,
    appended,
    end: (callId: string): void => recorder.recordOutcome(outcome(callId), recorder.openCalls.enter()),
  };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an outcome goes to the log right behind the next decision, and within 10 ms when there is none', async () => {
  const { recorder, appended, end } = makeRecorder();
  end('a');
  await recorder.recordAllow(decision('b'));
  expect(appended).toEqual(['gateway.started', 'b', 'a']);
  end('c');
  await vi.advanceTimersByTimeAsync(10);
  expect(appended).toEqual(['gateway.started', 'b', 'a', 'c']);
  await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(2000)]);
});

test('a stop writes the outcomes that wait, also those that come while it stops or later', async () => {
  const { recorder, appended, end } = makeRecorder();
  end('before');
  const stopped = Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(2000)]);
  end('meanwhile');
  await stopped;
  end('after');
  expect(appended).toEqual(['before', 'meanwhile', 'after']);
});
