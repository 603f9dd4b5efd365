import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { compilePolicy, planFor } from '../../../src/policy-engine/compile.js';
import { policyHash } from '../../../src/policy-engine/policy-hash.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { kindOfMethod } from '../../../src/policy-engine/kind-of-method.js';
import { counterKey, counterName } from '../../../src/policy-engine/limits.js';
import { MAX_WINDOW_SECONDS, windowSeconds, windowText } from '../../../src/policy-engine/windows.js';

const document = (more: Partial<PolicyDocument> = {}): PolicyDocument => ({ version: '1', default: 'deny', ...more });

describe('what a policy shows of each list', () => {
  const visible = (more: Partial<PolicyDocument> = {}) => compilePolicy(document(more)).visible;
  const entry = { limits: [{ counter: 'c', window: 'minute', max: 1 }] } as const;

  test.each<[string, Partial<PolicyDocument>, Partial<PolicyDocument>]>([
    ['what entries say', { tools: { a: {}, b: {} } }, { tools: { a: entry, b: { action: 'deny' } } }],
    [
      'the order of entries',
      { tools: { a: {}, b: {} }, prompts: { p: {}, q: {} } },
      { tools: { b: {}, a: {} }, prompts: { q: {}, p: {} } },
    ],
    ['the order of hide', { hide: ['a', 'b'] }, { hide: ['b', 'a'] }],
    ['an empty hide', {}, { hide: [] }],
    [
      'entries under default allow',
      { default: 'allow' },
      { default: 'allow', tools: { a: {} }, resources: { 'x://a': {} } },
    ],
    [
      'everything in monitor mode',
      { mode: 'monitor' },
      { mode: 'monitor', default: 'allow', hide: ['a'], tools: { a: {} }, prompts: { p: {} } },
    ],
  ])('is not changed by %s', (_what, one, other) => {
    expect(visible(one)).toEqual(visible(other));
  });

  test.each<[string, Partial<PolicyDocument>, readonly string[]]>([
    ['hiding a tool', { hide: ['a'] }, ['tool']],
    ['listing a tool', { tools: { a: {} } }, ['tool']],
    ['listing a resource', { resources: { 'x://a': {} } }, ['resource']],
    ['listing a prompt', { prompts: { a: {} } }, ['prompt']],
    ['another default', { default: 'allow' }, ['tool', 'resource', 'prompt']],
    ['monitor mode', { mode: 'monitor' }, ['tool', 'resource', 'prompt']],
  ])('is changed by %s, and no other list is', (_what, more, changed) => {
    const [before, after] = [visible(), visible(more)];
    expect((['tool', 'resource', 'prompt'] as const).filter((kind) => before[kind] !== after[kind])).toEqual(changed);
  });

  test('differs by what is hidden also where all else is allowed', () => {
    expect(visible({ default: 'allow', hide: ['a'] }).tool).not.toBe(visible({ default: 'allow', hide: ['b'] }).tool);
  });
});

test('a policy holds calls when an entry for tools needs approval, and not in monitor mode', () => {
  const holds = (more: Partial<PolicyDocument>): boolean => compilePolicy(document(more)).holds;
  const held = { x: { action: 'require_approval' } } as const;
  expect([
    holds({ tools: held }),
    holds({ tools: { y: {}, ...held } }),
    holds({ tools: held, mode: 'enforce' }),
  ]).toEqual([true, true, true]);
  expect([
    holds({}),
    holds({ tools: { x: { action: 'deny' }, y: {} } }),
    holds({ prompts: held }),
    holds({ tools: held, mode: 'monitor' }),
  ]).toEqual([false, false, false, false]);
});

test('the plan of a name is remembered, but for names that nobody can call', () => {
  const policy = compilePolicy(document({ tools: { a: {} } }));
  expect(planFor(policy, 'a')).toBe(planFor(policy, 'a'));
  expect(planFor(policy, 'x'.repeat(256))).toBe(planFor(policy, 'x'.repeat(256)));
  expect(planFor(policy, 'x'.repeat(257))).not.toBe(planFor(policy, 'x'.repeat(257)));
  for (let at = policy.plans.size; at < 1024; at += 1) planFor(policy, `n${at}`);
  expect(policy.plans.size).toBe(1024);
  planFor(policy, 'one more');
  expect(policy.plans.size).toBe(1);
});

test('a hash is of the content: SHA-256 over the canonical text', () => {
  expect(
    policyHash({
      version: '1',
      default: 'deny',
      hide: ['b', 'a'],
      tools: { z: { limits: [{ counter: 'c', window: 60, max: 1.5 }] }, a: {} },
    }),
  ).toBe(
    createHash('sha256')
      .update(
        '{"default":"deny","hide":["b","a"],"tools":{"a":{},"z":{"limits":[{"counter":"c","max":1.5,' +
          '"window":60}]}},"version":"1"}',
      )
      .digest('hex'),
  );
});

test(
  'of a tie between patterns the stricter action wins, then the first by code point; the longer ' +
    'wins before either',
  () => {
    const winner = (tools: PolicyDocument['tools'], name: string) =>
      planFor(compilePolicy(document({ tools })), name).entry.pointer;
    expect(winner({ 'a*': {}, '*a': { action: 'require_approval' } }, 'aa')).toBe('/tools/*a');
    expect(winner({ 'a*': { action: 'require_approval' }, '*a': {} }, 'aa')).toBe('/tools/a*');
    expect(winner({ 'a*': { action: 'require_approval' }, '*a': { action: 'deny' } }, 'aa')).toBe('/tools/*a');
    expect(winner({ 'a*': { action: 'deny' }, '*a': {} }, 'aa')).toBe('/tools/a*');
    expect(winner({ 'a*': {}, '*a': {} }, 'aa')).toBe('/tools/*a');
    expect(winner({ '*a': { action: 'deny' }, 'aa*': {} }, 'aaa')).toBe('/tools/aa*');
  },
);

test('what a method names', () => {
  const methods = [
    'tools/call',
    'resources/read',
    'resources/subscribe',
    'resources/unsubscribe',
    'subscriptions/listen',
    'prompts/get',
    'completion/complete',
    'tools/list',
  ];
  expect(methods.map(kindOfMethod)).toEqual([
    'tool',
    'resource',
    'resource',
    'resource',
    'resource',
    'prompt',
    undefined,
    undefined,
  ]);
});

test(
  'a counter is named by organization, scope, whom, window and itself, and told from others by the ' +
    'last three but whom',
  () => {
    expect(counterName('org_1', { scope: 'grant', whom: 'grt_1', window: 60, counter: 'c|d' })).toBe(
      'org_1|grant|grt_1|60|c|d',
    );
    expect([
      counterKey({ counter: 'c', window: 'day' }),
      counterKey({ counter: 'c', window: 'day', scope: 'server' }),
    ]).toEqual(['grant day c', 'server day c']);
  },
);

test('windows in seconds and in words; a month has no length', () => {
  expect(
    (['second', 'minute', 'hour', 'day', 'month', 7] as const).map((window) => [
      windowSeconds(window),
      windowText(window),
    ]),
  ).toEqual([
    [1, 'second'],
    [60, 'minute'],
    [3600, 'hour'],
    [86_400, 'day'],
    [undefined, 'month'],
    [7, '7 s'],
  ]);
  expect(MAX_WINDOW_SECONDS).toBe(366 * 86_400);
});
