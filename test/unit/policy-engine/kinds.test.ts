import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, decideWithTrace, isListed, type Facts } from '../../../src/policy-engine/decide.js';
import { kindOfMethod } from '../../../src/policy-engine/kind-of-method.js';
import { entryOf, limitsOf } from '../../../src/policy-engine/limits-of.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';

const base = {
  identity: { id: 'idn_1', name: 'a', kind: 'agent', attributes: {} },
  organizationId: 'org_1',
  grantId: 'grt_1',
  serverId: 'srv_1',
  now: new Date(0),
} as const;

const document: PolicyDocument = {
  version: '1',
  default: 'deny',
  hide: ['summary'],
  all_tools: { limits: [{ counter: 'calls', window: 'minute', max: 1 }] },
  check_arguments: true,
  tools: { summary: {} },
  resources: {
    'file:///public/*': { limits: [{ counter: 'reads', window: 'minute', max: 5 }] },
    'file:///public/secret/*': { action: 'deny', reason: 'Not these' },
    'log://*': { require: [{ path: 'args.uri', op: 'matches', value: '^log://\\d+$' }] },
  },
  prompts: { summary: { deny_if: [{ path: 'args.tone', op: 'eq', value: 'rude' }] } },
};

const on = (kind: Facts['kind'], tool: string, given: unknown = { uri: tool }, of: PolicyDocument = document) => decide(compilePolicy(of), { ...base, kind, tool, arguments: given });

describe('each kind has its own section', () => {
  test.each([
    ['resource', 'file:///public/a', 'allowed', '/resources/file:~1~1~1public~1*'],
    ['resource', 'file:///public/secret/a', 'denied_by_rule', '/resources/file:~1~1~1public~1secret~1*/action'],
    ['resource', 'file:///other', 'not_listed', '/default'],
    ['resource', 'summary', 'not_listed', '/default'],
    ['resource', 'log://12', 'allowed', '/resources/log:~1~1*'],
    ['resource', 'log://x', 'argument_rule', '/resources/log:~1~1*/require/0'],
    ['prompt', 'summary', 'allowed', '/prompts/summary'],
    ['prompt', 'other', 'not_listed', '/default'],
    ['tool', 'summary', 'hidden', '/hide/0'],
  ] as const)('%s %s: %s', (kind, name, code, rule) => {
    const decision = on(kind, name);
    expect([decision.code, decision.rule]).toEqual([code, rule]);
  });

  test('rules on the arguments of a prompt hold', () => {
    expect(on('prompt', 'summary', { tone: 'rude' })).toMatchObject({ effect: 'deny', code: 'argument_rule', rule: '/prompts/summary/deny_if/0' });
  });

  test('limits of an entry are reserved, and those of all_tools are for tools alone', () => {
    expect(on('resource', 'file:///public/a').reservations).toMatchObject([{ counter: 'reads', pointer: '/resources/file:~1~1~1public~1*/limits/0' }]);
    expect(on('prompt', 'summary').reservations).toEqual([]);
  });

  test('an entry that needs approval holds until the call is approved, on the terms of the document and its own', () => {
    const held: PolicyDocument = { version: '1', default: 'deny', approval: { wait: 0 }, tools: { summary: {} }, resources: { 'file:///secret/*': { action: 'require_approval', approval: { count: 2 } } }, prompts: { summary: { action: 'require_approval' } } };
    expect(on('resource', 'file:///secret/a', undefined, held)).toMatchObject({ effect: 'hold', code: 'approval_required', rule: '/resources/file:~1~1~1secret~1*/action', approval: { waitSeconds: 0, count: 2 } });
    expect(on('resource', 'FILE:///%73ecret/a', undefined, { ...held, default: 'allow' })).toMatchObject({ effect: 'hold', rule: '/resources/file:~1~1~1secret~1*/action' });
    expect(on('prompt', 'summary', {}, held)).toMatchObject({ effect: 'hold', rule: '/prompts/summary/action', approval: { waitSeconds: 0, count: 1 } });
    expect(on('tool', 'summary', {}, held)).toMatchObject({ effect: 'allow' });
    expect(decide(compilePolicy(held), { ...base, kind: 'prompt', tool: 'summary', arguments: {}, approved: true })).toMatchObject({ effect: 'allow', rule: '/prompts/summary' });
  });

  test('a document without sections decides by its default', () => {
    for (const kind of ['resource', 'prompt'] as const) {
      expect(on(kind, 'x://a', {}, { version: '1', default: 'allow' })).toMatchObject({ effect: 'allow', rule: '/default' });
      expect(on(kind, 'x://a', {}, { version: '1', default: 'deny' })).toMatchObject({ effect: 'deny', code: 'not_listed', rule: '/default' });
    }
  });
});

describe('a resource by another spelling of its URI', () => {
  const open: PolicyDocument = { version: '1', default: 'allow', resources: { 'file:///secret/*': { action: 'deny' }, 'FILE://Odd/*': {} } };

  test.each(['file:///secret/a', 'FILE:///secret/a', 'file:///%73ecret/a', 'file:////secret/a', 'file:\\\\\\secret\\a', 'file:///s%65cret%2fa', 'file:/secret/a', 'file:secret/a', 'file://localhost/secret/a', 'FILE:/s%65cret/a'])('%s is refused as the plain one is', (uri) => {
    expect(on('resource', uri, { uri }, open)).toMatchObject({ effect: 'deny', code: 'denied_by_rule', rule: '/resources/file:~1~1~1secret~1*/action' });
  });

  test.each([
    ['require_approval', 'deny', 'deny'],
    ['deny', 'require_approval', 'deny'],
    ['require_approval', 'allow', 'hold'],
    ['allow', 'require_approval', 'hold'],
  ] as const)('that an entry gives as %s and the plain spelling as %s: %s', (given, plain, effect) => {
    const of: PolicyDocument = { version: '1', default: 'deny', resources: { 'FILE:///a': { action: given }, 'file:///a': { action: plain } } };
    expect(on('resource', 'FILE:///a', undefined, of)).toMatchObject({ effect });
  });

  test('spends the limits of an entry that names another of its spellings, where those are more', () => {
    const limit = (counter: string) => ({ counter, window: 'minute', max: 1 }) as const;
    const of: PolicyDocument = { version: '1', default: 'allow', resources: { 'file:///public/*': { limits: [limit('reads'), limit('more')] }, 'file:*': { limits: [limit('all')] } } };
    const counted = (uri: string) => on('resource', uri, { uri }, of).reservations.map(({ counter }) => counter);
    expect([counted('file:///public/a'), counted('file:/public/a'), counted('file:///other')]).toEqual([['reads', 'more'], ['reads', 'more'], ['all']]);
    expect(counted('note:a')).toEqual([]);
  });

  test('a trace tells the rules that decided', () => {
    const { decision, trace } = decideWithTrace(compilePolicy(open), { ...base, kind: 'resource', tool: 'FILE:///secret/a', arguments: {} });
    expect(trace).toContainEqual({ rule: decision.rule, outcome: 'refused', detail: decision.reason });
  });

  test('a URI that can be read in two ways is refused whatever the policy says', () => {
    for (const uri of ['file:///public/../secret/a', 'file:///public/%2e%2e/x', ' file:///public/a']) {
      for (const of of [open, document, { version: '1', default: 'allow', mode: 'monitor' } as const]) expect(on('resource', uri, { uri }, of)).toMatchObject({ effect: 'deny', code: 'malformed', rule: null });
    }
  });

  test('an entry for a URI that is not plain itself lets it pass under default deny', () => {
    expect(on('resource', 'FILE://Odd/a', {}, { ...open, default: 'deny' })).toMatchObject({ effect: 'allow', rule: '/resources/FILE:~1~1Odd~1*' });
  });
});

test('names longer than their kind takes are refused and not listed', () => {
  const open = compilePolicy({ version: '1', default: 'allow' });
  for (const [kind, longest] of [['tool', 256], ['resource', 2048], ['prompt', 256]] as const) {
    const [good, long] = ['x'.repeat(longest), 'x'.repeat(longest + 1)];
    expect([decide(open, { ...base, kind, tool: good, arguments: {} }).code, decide(open, { ...base, kind, tool: long, arguments: {} }).code]).toEqual(['allowed', 'malformed']);
    expect([isListed(open, good, kind), isListed(open, long, kind)]).toEqual([true, false]);
  }
});

test('lists show what is not hidden: entries, denied ones too, and under default allow the rest', () => {
  const policy = compilePolicy(document);
  expect(['file:///public/a', 'file:///public/secret/a', 'log://{id}', 'other://x'].map((uri) => isListed(policy, uri, 'resource'))).toEqual([true, true, true, false]);
  expect([isListed(policy, 'summary', 'prompt'), isListed(policy, 'summary', 'tool')]).toEqual([true, false]);
});

test('the method tells the kind of what a record names', () => {
  expect(['tools/call', 'resources/read', 'prompts/get', 'completion/complete', 'ping'].map(kindOfMethod)).toEqual(['tool', 'resource', 'prompt', undefined, undefined]);
});

test('sections are read like tools, and warned about like tools', () => {
  expect(parsePolicy(document)).toMatchObject({ ok: true });
  expect(parsePolicy({ version: '1', default: 'deny', resources: { ['x'.repeat(2049)]: {}, a: { action: 'maybe' } }, prompts: { b: { hide: true } } })).toMatchObject({
    ok: false,
    errors: [{ pointer: `/resources/${'x'.repeat(2049)}` }, { pointer: '/resources/a/action', code: 'invalid_value' }, { pointer: '/prompts/b/hide', code: 'unsupported_key' }],
  });
  const parsed = parsePolicy({ version: '1', default: 'deny', prompts: { 'a*': {}, 'a**': {}, b: { action: 'deny', limits: [] } } });
  expect(parsed.ok && parsed.warnings).toMatchObject([{ pointer: '/prompts/a**', code: 'shadowed_pattern' }, { pointer: '/prompts/b/limits', code: 'never_fires' }]);
});

test('the limits of every section are told', () => {
  const limit = { counter: 'c', window: 'minute', max: 1 } as const;
  const entry = { limits: [limit], rate_limit: { max: 1, window: 60 } };
  expect(limitsOf({ version: '1', default: 'deny', tools: { a: entry }, resources: { 'x://a': entry }, prompts: { p: entry, q: { ...entry, action: 'deny' } } }).map(({ rule, tool, counter }) => [rule, tool, counter])).toEqual([
    ['/tools/a/limits/0', 'a', 'c'],
    ['/tools/a/rate_limit', 'a', 'rate_limit:/tools/a'],
    ['/resources/x:~1~1a/limits/0', 'x://a', 'c'],
    ['/resources/x:~1~1a/rate_limit', 'x://a', 'rate_limit:/resources/x:~1~1a'],
    ['/prompts/p/limits/0', 'p', 'c'],
    ['/prompts/p/rate_limit', 'p', 'rate_limit:/prompts/p'],
  ]);
});

test('a limit is known to stand in its entry, whatever that is named and however many stand before it', () => {
  const limits = Array.from({ length: 11 }, (_, index) => ({ counter: `c${index}`, window: 'minute', max: 1 }) as const);
  const placed = limitsOf({ version: '1', default: 'deny', all_tools: { limits }, tools: { rate_limit: { limits, rate_limit: { max: 1, window: 1 } }, 'limits/1': { rate_limit: { max: 1, window: 1 } }, plain: {} } });
  expect([...new Set(placed.map(entryOf))]).toEqual(['/all_tools', '/tools/rate_limit', '/tools/limits~11']);
  expect(placed).toHaveLength(11 + 12 + 1);
});
