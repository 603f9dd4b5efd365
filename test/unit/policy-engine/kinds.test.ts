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

const on = (kind: Facts['kind'], tool: string, given: unknown = { uri: tool }, of: PolicyDocument = document) =>
  decide(compilePolicy(of), { ...base, kind, tool, arguments: given });

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
    expect(on('prompt', 'summary', { tone: 'rude' })).toMatchObject({
      effect: 'deny',
      code: 'argument_rule',
      rule: '/prompts/summary/deny_if/0',
    });
  });

  test('limits of an entry are reserved, and those of all_tools are for tools alone', () => {
    expect(on('resource', 'file:///public/a').reservations).toMatchObject([
      { counter: 'reads', pointer: '/resources/file:~1~1~1public~1*/limits/0' },
    ]);
    expect(on('prompt', 'summary').reservations).toEqual([]);
  });

  test(
    'an entry that needs approval holds until the call is approved, on the terms of the document and ' + 'its own',
    () => {
      const held: PolicyDocument = {
        version: '1',
        default: 'deny',
        approval: { wait: 0 },
        tools: { summary: {} },
        resources: { 'file:///secret/*': { action: 'require_approval', approval: { count: 2 } } },
        prompts: { summary: { action: 'require_approval' } },
      };
      expect(on('resource', 'file:///secret/a', undefined, held)).toMatchObject({
        effect: 'hold',
        code: 'approval_required',
        rule: '/resources/file:~1~1~1secret~1*/action',
        approval: { waitSeconds: 0, count: 2 },
      });
      expect(on('resource', 'FILE:///%73ecret/a', undefined, { ...held, default: 'allow' })).toMatchObject({
        effect: 'hold',
        rule: '/resources/file:~1~1~1secret~1*/action',
      });
      expect(on('prompt', 'summary', {}, held)).toMatchObject({
        effect: 'hold',
        rule: '/prompts/summary/action',
        approval: { waitSeconds: 0, count: 1 },
      });
      expect(on('tool', 'summary', {}, held)).toMatchObject({ effect: 'allow' });
      expect(
        decide(compilePolicy(held), { ...base, kind: 'prompt', tool: 'summary', arguments: {}, approved: true }),
      ).toMatchObject({ effect: 'allow', rule: '/prompts/summary' });
    },
  );

  test('a document without sections decides by its default', () => {
    for (const kind of ['resource', 'prompt'] as const) {
      expect(on(kind, 'x://a', {}, { version: '1', default: 'allow' })).toMatchObject({
        effect: 'allow',
        rule: '/default',
      });
      expect(on(kind, 'x://a', {}, { version: '1', default: 'deny' })).toMatchObject({
        effect: 'deny',
        code: 'not_listed',
        rule: '/default',
      });
    }
  });
});

describe('a resource by another spelling of its URI', () => {
  const open: PolicyDocument = {
    version: '1',
    default: 'allow',
    resources: { 'file:///secret/*': { action: 'deny' }, 'FILE://Odd/*': {} },
  };

  test.each([
    'file:///secret/a',
    'FILE:///secret/a',
    'file:///%73ecret/a',
    'file:////secret/a',
    'file:\\\\\\secret\\a',
    'file:///s%65cret%2fa',
    'file:/secret/a',
    'file:secret/a',
    'file://localhost/secret/a',
    'FILE:/s%65cret/a',
  ])('%s is refused as the plain one is', (uri) => {
    expect(on('resource', uri, { uri }, open)).toMatchObject({
      effect: 'deny',
      code: 'denied_by_rule',
      rule: '/resources/file:~1~1~1secret~1*/action',
    });
  });

  test.each([
    ['require_approval', 'deny', 'deny'],
    ['deny', 'require_approval', 'deny'],
    ['require_approval', 'allow', 'hold'],
    ['allow', 'require_approval', 'hold'],
  ] as const)('that an entry gives as %s and the plain spelling as %s: %s', (given, plain, effect) => {
    const of: PolicyDocument = {
      version: '1',
      default: 'deny',
      resources: { 'FILE:///a': { action: given }, 'file:///a': { action: plain } },
    };
    expect(on('resource', 'FILE:///a', undefined, of)).toMatchObject({ effect });
  });

  test('spends the limits of an entry that names another of its spellings, where those are more', () => {
    const limit = (counter: string) => ({ counter, window: 'minute', max: 1 }) as const;
    const of: PolicyDocument = {
      version: '1',
      default: 'allow',
      resources: {
        'file:///public/*': { limits: [limit('reads'), limit('more')] },
        'file:*': { limits: [limit('all')] },
      },
    };
    const counted = (uri: string) => on('resource', uri, { uri }, of).reservations.map(({ counter }) => counter);
    expect([counted('file:///public/a'), counted('file:/public/a'), counted('file:///other')]).toEqual([
      ['reads', 'more'],
      ['reads', 'more'],
      ['all'],
    ]);
    expect(counted('note:a')).toEqual([]);
  });

  const rule = (op: 'contains' | 'starts_with' | 'matches', value: string) =>
    ({ path: 'args.uri', op, value }) as const;
  const deny = { action: 'deny' } as const;
  const allowing = (resources: PolicyDocument['resources']): PolicyDocument => ({
    version: '1',
    default: 'allow',
    resources,
  });
  const denying = (resources: PolicyDocument['resources']): PolicyDocument => ({
    version: '1',
    default: 'deny',
    resources,
  });

  test.each([
    [
      'a rule on args.uri',
      denying({ 'file:///*': { deny_if: [rule('contains', 'secret')] } }),
      ['file:///a/%73ecret.txt', 'file:///a/s%65cret.txt', 'file:///a/%2573ecret.txt'],
    ],
    [
      'a rule on args.uri',
      denying({ 'gitlab://*': { deny_if: [rule('matches', '/settings($|/)')] } }),
      [
        'gitlab://p/%73ettings',
        'gitlab://p//settings',
        'gitlab://p/settings%2F',
        'gitlab://p\\settings',
        'GITLAB://P/settings',
        'gitlab://x@p/settings?',
      ],
    ],
    [
      'a rule on an escape',
      denying({ 'file:///*': { deny_if: [rule('contains', '%C3%A9')] } }),
      ['file:///é', 'file:///%c3%a9', 'file:///e\u0301'],
    ],
    [
      'an entry for a letter',
      allowing({ 'file:///é.txt': deny }),
      [
        'file:///%C3%A9.txt',
        'file:///%c3%a9.txt',
        'file:///e\u0301.txt',
        'file:///e%CC%81.txt',
        'file:///%25C3%25A9.txt',
      ],
    ],
    [
      'an entry for its escape',
      allowing({ 'file:///%c3%A9.txt': deny }),
      ['file:///%C3%A9.txt', 'file:///%c3%a9.txt', 'file:///é.txt', 'file:///e\u0301.txt'],
    ],
    [
      'an entry for an escaped slash',
      allowing({ 'gitlab://p/a%2Fb': deny }),
      ['gitlab://p/a/b', 'gitlab://p/a%2fb', 'gitlab://p/a%252Fb'],
    ],
    [
      'an entry for a file',
      allowing({ 'file:///secret.txt': deny }),
      [
        'file:///secret.txt?',
        'file:///secret.txt#',
        'file:///secret.txt?x',
        'file:///secret.txt#x',
        'file:///secret.txt%3Fx',
        'file:///secret.txt/',
        'file://127.0.0.1/secret.txt',
        'file:secret.txt',
      ],
    ],
    [
      'an entry for a URL',
      allowing({ 'https://h/secret': deny }),
      [
        'https://H/secret',
        'https://h:443/secret',
        'https://u@h/secret',
        'https://u:p@h/secret',
        'https://h./secret',
        'https://h/secret?',
        'https://h/secret#',
        'https://h/secret#x',
        'https:///h/secret',
        'https:h/secret',
        'https://h/%73ecret',
        'https://%68/secret',
        'https://ｈ/secret',
        'https://u@h.:443//secret?#',
      ],
    ],
    [
      'an entry for a name that is written with an IDN',
      allowing({ 'https://bücher/*': deny }),
      ['https://xn--bcher-kva/a', 'https://B%C3%9CCHER/a'],
    ],
    [
      'an entry for an address',
      allowing({ 'http://127.0.0.1/*': deny }),
      ['http://0x7f.1/a', 'http://2130706433/a', 'http://127.1/a', 'http://127.0.0.1:80/a'],
    ],
    [
      'a default that denies',
      denying({ 'file:///*.txt': {}, 'https://a.example/*': {} }),
      ['file:///etc/passwd?.txt', 'file:///etc/passwd#.txt', 'https://a.example./'],
    ],
  ] as const)('%s refuses every spelling', (_what, of, uris) => {
    expect(uris.filter((uri) => on('resource', uri, { uri }, of).effect === 'allow')).toEqual([]);
  });

  test('userinfo that looks like the host of an entry is not taken for it', () => {
    expect(
      on('resource', 'https://a.example@b.example/', undefined, denying({ 'https://a.example*': {} })),
    ).toMatchObject({ effect: 'deny', code: 'not_listed' });
  });

  test('a rule on the text of a URI holds for it as it is written too', () => {
    const of = denying({
      'file:///*': { require: [rule('matches', '^file:///[a-z]+$')] },
      'https://*': { deny_if: [rule('contains', 'user@')] },
    });
    expect(
      ['file:///abc', 'file:///ab%63', 'file:///abc?d', 'https://h/x', 'https://user@h/x'].map(
        (uri) => on('resource', uri, { uri }, of).effect,
      ),
    ).toEqual(['allow', 'deny', 'deny', 'allow', 'deny']);
  });

  test(
    'a spelling that an entry names is allowed where the default denies, and so is what it is for ' + 'every reader',
    () => {
      const of = denying({ 'gitlab://p/group%2Fproject': {}, 'file:///logs?*': {}, 'FILE:///Caf%c3%A9/*': {} });
      const uris = [
        'gitlab://p/group%2Fproject',
        'gitlab://p/group%2fproject',
        'gitlab://p/group/project',
        'file:///logs?tail=1',
        'file:///logs',
        'file:///Café/a',
        'file:///Caf%C3%A9/a',
      ];
      expect(uris.map((uri) => on('resource', uri, { uri }, of).effect)).toEqual([
        'allow',
        'allow',
        'deny',
        'allow',
        'deny',
        'allow',
        'allow',
      ]);
      expect(isListed(compilePolicy(of), 'file:///Caf%C3%A9/a', 'resource')).toBe(true);
    },
  );

  test('an escaped slash does not let one step of a pattern stand for two', () => {
    const of = denying({ 'gitlab://p/*/issues': {} });
    expect(
      ['gitlab://p/x/issues', 'gitlab://p/x%2Fissues'].map((uri) => on('resource', uri, { uri }, of).effect),
    ).toEqual(['allow', 'deny']);
  });

  test('limits are those of every entry for one of its spellings, each with its own max and each counter once', () => {
    const limit = (counter: string, max: number) => ({ counter, window: 'day', max }) as const;
    const of = denying({
      'file:///*': { limits: [limit('r', 1000)] },
      'file:///a': { limits: [limit('s', 2), limit('t', 5)] },
      'file:///%2561': { limits: [limit('s', 9)] },
      'file:///a?*': { limits: [limit('q', 1)] },
    });
    const counted = (uri: string) =>
      on('resource', uri, { uri }, of).reservations.map(({ counter, max, amount }) => `${counter} ${max} ${amount}`);
    expect([counted('file:///a'), counted('file:///%61'), counted('FILE:/%61'), counted('file:///b')]).toEqual([
      ['s 2 1', 't 5 1', 's 9 1'],
      ['s 2 1', 't 5 1', 's 9 1'],
      ['s 2 1', 't 5 1', 's 9 1'],
      ['r 1000 1'],
    ]);
    expect(counted('file:///a?x')).toEqual(['q 1 1', 's 2 1', 't 5 1', 's 9 1']);
  });

  test('of two holds the one that wants more people counts', () => {
    const of = allowing({
      'file:///a': { action: 'require_approval' },
      'file:///a?*': { action: 'require_approval', approval: { count: 3 } },
      'file:///%2561': { action: 'require_approval', approval: { count: 2 } },
    });
    expect(['file:///a', 'file:///a?x'].map((uri) => on('resource', uri, { uri }, of).approval?.count)).toEqual([2, 3]);
  });

  test('a rule on the time is judged in every spelling, whatever object the facts are', () => {
    class Call {
      readonly kind = 'resource';
      readonly tool = 'file:///%61';
      readonly arguments = { uri: this.tool };
      readonly identity = base.identity;
      readonly organizationId = base.organizationId;
      readonly grantId = base.grantId;
      readonly serverId = base.serverId;
      get now(): Date {
        return new Date(0);
      }
    }
    expect(
      decide(
        compilePolicy(denying({ 'file:///a': { require: [{ path: 'time.hour', op: 'eq', value: 0 }] } })),
        new Call(),
      ),
    ).toMatchObject({ effect: 'allow' });
  });

  test('a document that names one resource in very many spellings is refused', () => {
    const names = (count: number, name: (index: number) => string): PolicyDocument =>
      allowing(Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), {}])));
    const spelled = (index: number): string =>
      [...'abcde']
        .map((letter, at) => (((index >> at) & 1) === 1 ? `%25${letter.charCodeAt(0).toString(16)}` : letter))
        .join('');
    const errorsOf = (one: PolicyDocument) => {
      const parsed = parsePolicy(one);
      return parsed.ok ? [] : parsed.errors.map(({ pointer, code }) => [pointer, code]);
    };
    expect([
      errorsOf(names(17, (index) => `x://h/${spelled(index)}`)),
      errorsOf(names(16, (index) => `x://h/${spelled(index)}`)),
    ]).toEqual([[], []]);
    expect(errorsOf(names(18, (index) => `x://h/${spelled(index)}`))).toEqual([['/resources', 'too_many']]);
    expect([
      errorsOf(names(100, (index) => `x://h/%20${index}*`)),
      errorsOf(names(101, (index) => `x://h/%20${index}*`)),
    ]).toEqual([[], [['/resources', 'too_many']]]);
    expect(errorsOf(names(3000, (index) => `x://h/%20${index}`))).toEqual([]);
  });

  test('a trace tells the rules that decided', () => {
    const { decision, trace } = decideWithTrace(compilePolicy(open), {
      ...base,
      kind: 'resource',
      tool: 'FILE:///secret/a',
      arguments: {},
    });
    expect(trace).toContainEqual({ rule: decision.rule, outcome: 'refused', detail: decision.reason });
  });

  test('a URI that can be read in two ways is refused whatever the policy says', () => {
    for (const uri of ['file:///public/../secret/a', 'file:///public/%2e%2e/x', ' file:///public/a']) {
      for (const of of [open, document, { version: '1', default: 'allow', mode: 'monitor' } as const])
        expect(on('resource', uri, { uri }, of)).toMatchObject({ effect: 'deny', code: 'malformed', rule: null });
    }
  });

  test('an entry for a URI that is not plain itself lets it pass under default deny', () => {
    expect(on('resource', 'FILE://Odd/a', {}, { ...open, default: 'deny' })).toMatchObject({
      effect: 'allow',
      rule: '/resources/FILE:~1~1Odd~1*',
    });
  });
});

test('names longer than their kind takes are refused and not listed', () => {
  const open = compilePolicy({ version: '1', default: 'allow' });
  for (const [kind, longest] of [
    ['tool', 256],
    ['resource', 2048],
    ['prompt', 256],
  ] as const) {
    const [good, long] = ['x'.repeat(longest), 'x'.repeat(longest + 1)];
    expect([
      decide(open, { ...base, kind, tool: good, arguments: {} }).code,
      decide(open, { ...base, kind, tool: long, arguments: {} }).code,
    ]).toEqual(['allowed', 'malformed']);
    expect([isListed(open, good, kind), isListed(open, long, kind)]).toEqual([true, false]);
  }
});

test('lists show what is not hidden: entries, denied ones too, and under default allow the rest', () => {
  const policy = compilePolicy(document);
  expect(
    ['file:///public/a', 'file:///public/secret/a', 'log://{id}', 'other://x'].map((uri) =>
      isListed(policy, uri, 'resource'),
    ),
  ).toEqual([true, true, true, false]);
  expect([isListed(policy, 'summary', 'prompt'), isListed(policy, 'summary', 'tool')]).toEqual([true, false]);
});

test('the method tells the kind of what a record names', () => {
  expect(['tools/call', 'resources/read', 'prompts/get', 'completion/complete', 'ping'].map(kindOfMethod)).toEqual([
    'tool',
    'resource',
    'prompt',
    undefined,
    undefined,
  ]);
});

test('sections are read like tools, and warned about like tools', () => {
  expect(parsePolicy(document)).toMatchObject({ ok: true });
  expect(
    parsePolicy({
      version: '1',
      default: 'deny',
      resources: { ['x'.repeat(2049)]: {}, a: { action: 'maybe' } },
      prompts: { b: { hide: true } },
    }),
  ).toMatchObject({
    ok: false,
    errors: [
      { pointer: `/resources/${'x'.repeat(2049)}` },
      { pointer: '/resources/a/action', code: 'invalid_value' },
      { pointer: '/prompts/b/hide', code: 'unsupported_key' },
    ],
  });
  const parsed = parsePolicy({
    version: '1',
    default: 'deny',
    prompts: { 'a*': {}, 'a**': {}, b: { action: 'deny', limits: [] } },
  });
  expect(parsed.ok && parsed.warnings).toMatchObject([
    { pointer: '/prompts/a**', code: 'shadowed_pattern' },
    { pointer: '/prompts/b/limits', code: 'never_fires' },
  ]);
});

test('the limits of every section are told', () => {
  const limit = { counter: 'c', window: 'minute', max: 1 } as const;
  const entry = { limits: [limit], rate_limit: { max: 1, window: 60 } };
  expect(
    limitsOf({
      version: '1',
      default: 'deny',
      tools: { a: entry },
      resources: { 'x://a': entry },
      prompts: { p: entry, q: { ...entry, action: 'deny' } },
    }).map(({ rule, tool, counter }) => [rule, tool, counter]),
  ).toEqual([
    ['/tools/a/limits/0', 'a', 'c'],
    ['/tools/a/rate_limit', 'a', 'rate_limit:/tools/a'],
    ['/resources/x:~1~1a/limits/0', 'x://a', 'c'],
    ['/resources/x:~1~1a/rate_limit', 'x://a', 'rate_limit:/resources/x:~1~1a'],
    ['/prompts/p/limits/0', 'p', 'c'],
    ['/prompts/p/rate_limit', 'p', 'rate_limit:/prompts/p'],
  ]);
});

test('a limit is known to stand in its entry, whatever that is named and however many stand before it', () => {
  const limits = Array.from(
    { length: 11 },
    (_, index) => ({ counter: `c${index}`, window: 'minute', max: 1 }) as const,
  );
  const placed = limitsOf({
    version: '1',
    default: 'deny',
    all_tools: { limits },
    tools: {
      rate_limit: { limits, rate_limit: { max: 1, window: 1 } },
      'limits/1': { rate_limit: { max: 1, window: 1 } },
      plain: {},
    },
  });
  expect([...new Set(placed.map(entryOf))]).toEqual(['/all_tools', '/tools/rate_limit', '/tools/limits~11']);
  expect(placed).toHaveLength(11 + 12 + 1);
});
