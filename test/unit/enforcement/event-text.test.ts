import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completedText, decidedText, type Unnumbered } from '../../../src/record/event-log/event-text.js';
import type { ToolCallCompleted } from '../../../src/record/event-log/events/index.js';

const NUMBERS = { bootId: 'boot_1', sequence: 7, abandoned: undefined } as const;

/**
 * Every member that a decision can have: a new one must be added here, and is then missed by the tests until it is
 * written.
 */
const whole: Required<Unnumbered> = {
  id: 'evt_1',
  type: 'toolCall.decided',
  version: 1,
  time: '2026-01-01T00:00:00.000Z',
  organizationId: 'org_1',
  callId: 'call_1',
  requestId: 1,
  sessionId: 'ses_1',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  method: 'tools/call',
  protocolVersion: '2025-06-18',
  grantId: 'grt_1',
  identityId: 'idn_1',
  identityName: 'release bot',
  serverId: 'srv_1',
  serverName: 'GitLab',
  tool: 'cancel_job',
  definitionHash: 'ab12',
  policyId: 'pol_1',
  policyVersion: 3,
  mode: 'enforce',
  effect: 'deny',
  code: 'rate_limited',
  rule: '/tools/cancel_job/limits/0',
  reason: '10 per minute used up',
  retryAfterSeconds: 42,
  approvalId: 'apr_1',
  would: { effect: 'deny', code: 'hidden', rule: '/hide/0' },
  shadow: { policyId: 'pol_2', policyVersion: 1, effect: 'allow', code: 'allowed', rule: '/default' },
  reserved: [{ counter: 'c', window: 60, scope: 'grant', amount: 1.5 }],
  argumentKeys: ['a', 'b'],
  argumentsDigest: 'cd34',
  client: { name: 'claude', version: '2' },
  sourceIp: '127.0.0.1',
  decisionMicros: 12,
};

const read = (event: Unnumbered): unknown => JSON.parse(decidedText(event, NUMBERS));
const expected = ({ ...event }: Unnumbered): unknown =>
  JSON.parse(JSON.stringify({ ...event, bootId: 'boot_1', sequence: 7 }));

test('the text of a decision is the JSON of all its members', () => {
  expect(read(whole)).toEqual(expected(whole));
  expect(JSON.parse(decidedText(whole, { ...NUMBERS, abandoned: [5, 6] }))).toMatchObject({
    sequence: 7,
    abandoned: [5, 6],
  });
});

test('a decision that differs from the one before in any single member is written with its own', () => {
  const changed = {
    ...whole,
    requestId: 'x',
    tool: 'other',
    code: 'hidden',
    effect: 'allow',
    mode: 'monitor',
    version: 2,
    policyVersion: 4,
    retryAfterSeconds: 1,
    decisionMicros: 3,
    type: 'other',
    would: undefined,
    shadow: undefined,
    reserved: [],
    argumentKeys: [],
    client: { name: 'cursor' },
  };
  for (const key of Object.keys(whole) as (keyof Unnumbered)[]) {
    const value =
      typeof whole[key] === 'string' && whole[key] === changed[key as keyof typeof changed]
        ? `${whole[key]}x`
        : changed[key as keyof typeof changed];
    const other = { ...whole, [key]: value } as Unnumbered;
    expect([read(whole), read(other)], key).toEqual([expected(whole), expected(other)]);
  }
});

test('absent members are left out, and nulls are written', () => {
  const least = {
    ...whole,
    requestId: null,
    sessionId: null,
    traceId: null,
    protocolVersion: null,
    tool: null,
    definitionHash: null,
    policyId: null,
    policyVersion: null,
    mode: null,
    rule: null,
    argumentsDigest: null,
    client: null,
    sourceIp: null,
  };
  const {
    retryAfterSeconds: _retry,
    approvalId: _approval,
    would: _would,
    shadow: _shadow,
    ...event
  } = { ...least, reserved: [] };
  expect(read(event)).toEqual(expected(event));
});

test('whatever callers name things, the text is JSON', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(text, text, text, text, (tool, name, requestId, key) => {
      const event: Unnumbered = {
        ...whole,
        tool,
        identityName: name,
        serverName: key,
        reason: `${tool} ${name}`,
        rule: `/tools/${tool}`,
        requestId,
        argumentKeys: [key, tool],
        client: { name },
      };
      expect(read(event)).toEqual(expected(event));
    }),
  );
});

test('however many grants make up names, what is remembered of their decisions stays below 100 MiB', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heldBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heldBytes();
  const reason = 'r'.repeat(3000);
  for (let grant = 0; grant < 400; grant += 1)
    for (let tool = 0; tool < 64; tool += 1)
      decidedText({ ...whole, grantId: `grt_${grant}`, tool: `made up ${tool}`, reason: `${reason}${tool}` }, NUMBERS);
  expect((heldBytes() - before) / 2 ** 20).toBeLessThan(100);
});

test('the text of an outcome is the JSON of all its members', () => {
  const outcome: Required<ToolCallCompleted> = {
    id: 'evt_2',
    type: 'toolCall.completed',
    version: 1,
    time: '2026-01-01T00:00:00.000Z',
    organizationId: 'org_1',
    callId: 'call_1',
    grantId: 'grt_1',
    identityId: 'idn_1',
    serverId: 'srv_1',
    tool: 'say "hi"',
    status: 'ok',
    upstreamStatus: 200,
    durationMs: 12,
    responseBytes: 260,
  };
  for (const event of [outcome, { ...outcome, tool: null, upstreamStatus: null, status: 'timeout' as const }])
    expect(JSON.parse(completedText(event))).toEqual(event);
});
