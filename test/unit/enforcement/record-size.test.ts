import { expect, test } from 'vitest';
import { shortDecision } from '../../../src/data-plane/enforcement/short-decision.js';
import { completedText, decidedText, type Unnumbered } from '../../../src/record/event-log/event-text.js';
import type { ToolCallCompleted } from '../../../src/record/event-log/events/index.js';
import { lengthRefusal } from '../../../src/record/event-log/record-size.js';
import { sampleEvents } from '../../builders/sample-events.js';

/** A character that JSON writes with six bytes. */
const LONG = '\u0001';
const sample = (type: string): unknown => sampleEvents.find((event) => event.type === type);

/** The longest that the readers of calls, policies and clients let each member of a decision be. */
const longest = {
  ...(sample('toolCall.decided') as Unnumbered),
  requestId: LONG.repeat(256),
  method: LONG.repeat(256),
  identityName: LONG.repeat(200),
  serverName: LONG.repeat(200),
  tool: LONG.repeat(2048),
  rule: LONG.repeat(2100),
  reason: LONG.repeat(1000),
  would: { effect: 'deny', code: 'rate_limited', rule: LONG.repeat(2100) },
  shadow: { policyId: 'p'.repeat(30), policyVersion: 1e9, effect: 'hold', code: 'allowed', rule: LONG.repeat(2100) },
  reserved: Array.from({ length: 128 }, () => ({
    counter: 'c'.repeat(64),
    window: 1_000_000,
    scope: 'organization',
    amount: Number.MAX_VALUE,
  })),
  argumentKeys: Array.from({ length: 100 }, () => LONG.repeat(64)),
  client: { name: LONG.repeat(128), version: LONG.repeat(128) },
} as const satisfies Unnumbered;

test('the longest decision that can be made is recorded short, with all that it reserved and its numbers', () => {
  const place = {
    bootId: 'boot_01m8q93fk1e01s0v2kfxfz0001',
    sequence: 1e15,
    abandoned: Array.from({ length: 500 }, (_, n) => 1e9 + n),
  };
  expect(lengthRefusal(decidedText(longest, place))).toBeDefined();
  const text = decidedText(shortDecision(longest), place);
  expect(lengthRefusal(text)).toBeUndefined();
  const { id, callId, grantId, policyId, code, reserved } = longest;
  expect(JSON.parse(text)).toMatchObject({ id, callId, grantId, policyId, code, reserved, ...place });
});

test('the longest outcome fits a record', () => {
  const outcome = { ...(sample('toolCall.completed') as ToolCallCompleted), tool: LONG.repeat(2048) };
  expect(lengthRefusal(completedText(outcome))).toBeUndefined();
});
