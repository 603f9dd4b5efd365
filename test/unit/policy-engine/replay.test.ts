import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide } from '../../../src/policy-engine/decide.js';
import type { LimitRule, PolicyDocument, Rule } from '../../../src/policy-engine/document.js';
import { Counters } from '../../../src/policy-engine/replay/counters.js';
import { isOver, minus, plus, type Sum } from '../../../src/policy-engine/replay/exact.js';
import type { RecordedDecision } from '../../../src/policy-engine/replay/recorded-decision.js';
import { Replay } from '../../../src/policy-engine/replay/replay.js';
import { factsOf } from '../../builders/policies.js';

const at = (second: number): Date => new Date(Date.UTC(2026, 10, 22) + second * 1000);

type Change = Partial<Omit<RecordedDecision, 'facts'>> & Readonly<{ facts?: Partial<RecordedDecision['facts']> }>;

const recorded = ({ facts: more, ...change }: Change = {}): RecordedDecision => {
  const { arguments: _arguments, inputSchema: _schema, ...facts } = factsOf('x', {});
  return {
    callId: 'call',
    facts: { ...facts, ...more },
    argumentKeys: ['a', 'b'],
    hasArguments: true,
    counts: 'surely',
    reserved: [],
    ...change,
  };
};

const forAll = (kind: 'require' | 'deny_if', rules: readonly Rule[]): PolicyDocument => ({
  version: '1',
  default: 'allow',
  all_tools: { [kind]: rules },
});
const limited = (...limits: readonly LimitRule[]): PolicyDocument => ({
  version: '1',
  default: 'allow',
  tools: { x: { limits } },
});
const judge = (document: PolicyDocument, change?: Change) =>
  new Replay(compilePolicy(document)).judge(recorded(change));
const under = (document: PolicyDocument, refusedBy: string | null = null) => ({
  policy: compilePolicy(document),
  refusedBy,
});

const allowed = { sure: true, effect: 'allow', code: 'allowed', rule: '/default', unkept: [] };
const refused = (rule: string) => ({ sure: true, effect: 'deny', code: 'argument_rule', rule, unkept: [] });
const unsure = (...unkept: readonly string[]) => ({ ...allowed, sure: false, unkept });

describe('a condition on arguments that are not kept', () => {
  const path = 'args.a';

  test.each<readonly [string, 'require' | 'deny_if', Rule, unknown]>([
    ['a value', 'require', { path, op: 'eq', value: 1 }, unsure('/all_tools/require/0')],
    ['a value that may be null', 'require', { path, op: 'exists', value: true }, unsure('/all_tools/require/0')],
    ['what is below a value', 'deny_if', { path: 'args.a.b[*].c', op: 'eq', value: 1 }, unsure('/all_tools/deny_if/0')],
    [
      'an argument that was not there',
      'require',
      { path: 'args.c', op: 'eq', value: 1 },
      refused('/all_tools/require/0'),
    ],
    ['an argument that was not there, rightly', 'require', { path: 'args.c', op: 'exists', value: false }, allowed],
    [
      'an argument that was not there and is not to be another',
      'deny_if',
      { path: 'args.c.d', op: 'neq', value: 1 },
      refused('/all_tools/deny_if/0'),
    ],
    [
      'one whose name differs in case',
      'deny_if',
      { path: 'args.A', op: 'eq', value: 1 },
      refused('/all_tools/deny_if/0'),
    ],
    [
      'every element of the arguments',
      'deny_if',
      { path: 'args.a[*]', op: 'eq', value: 1 },
      unsure('/all_tools/deny_if/0'),
    ],
    ['who calls', 'require', { path: 'identity.attributes.t', op: 'eq', value: 'b' }, allowed],
    [
      'whence and when',
      'deny_if',
      {
        conditions: [
          { path: 'request.ip', op: 'cidr', value: '10.0.0.0/8' },
          { path: 'time.hour', op: 'eq', value: 0 },
        ],
      },
      refused('/all_tools/deny_if/0'),
    ],
    [
      'a value, and one that does not hold',
      'require',
      {
        conditions: [
          { path, op: 'eq', value: 1 },
          { path: 'args.c', op: 'eq', value: 1 },
        ],
      },
      refused('/all_tools/require/0'),
    ],
    [
      'one that does not hold, and a value',
      'require',
      {
        conditions: [
          { path: 'args.c', op: 'eq', value: 1 },
          { path, op: 'eq', value: 1 },
        ],
      },
      refused('/all_tools/require/0'),
    ],
    [
      'a value, and one that holds',
      'require',
      {
        conditions: [
          { path, op: 'eq', value: 1 },
          { path: 'identity.kind', op: 'eq', value: 'agent' },
        ],
      },
      unsure('/all_tools/require/0'),
    ],
    [
      'a value, and one that is false',
      'deny_if',
      {
        conditions: [
          { path, op: 'eq', value: 1 },
          { path: 'args.c', op: 'eq', value: 1 },
        ],
      },
      allowed,
    ],
    [
      'a value, and one that is undecidable',
      'deny_if',
      {
        conditions: [
          { path, op: 'eq', value: 1 },
          { path: 'args.A', op: 'eq', value: 1 },
        ],
      },
      unsure('/all_tools/deny_if/0'),
    ],
    [
      'one that is undecidable, and a value',
      'deny_if',
      {
        conditions: [
          { path: 'args.A', op: 'eq', value: 1 },
          { path, op: 'eq', value: 1 },
        ],
      },
      unsure('/all_tools/deny_if/0'),
    ],
    [
      'two that are undecidable',
      'deny_if',
      {
        conditions: [
          { path: 'args.A', op: 'eq', value: 1 },
          { path: 'args.B', op: 'eq', value: 1 },
        ],
      },
      refused('/all_tools/deny_if/0'),
    ],
  ])('%s', (_name, kind, rule, expected) => {
    expect(judge(forAll(kind, [rule]))).toEqual(expected);
  });

  test('is known for a call that had none', () => {
    const none = { argumentKeys: [], hasArguments: false };
    expect(judge(forAll('require', [{ path, op: 'exists', value: false }]), none)).toEqual(allowed);
    expect(judge(forAll('require', [{ path, op: 'exists', value: false }]), { ...none, hasArguments: true })).toEqual(
      allowed,
    );
  });

  test.each([
    ['a hundred names, as there may have been more', Array.from({ length: 100 }, (_, index) => `k${index}`)],
    ['a name of 64 units, which may have been cut', ['n'.repeat(64)]],
    ['a name of 63 units, as one is not cut in the middle of a character', ['n'.repeat(63)]],
  ])('is not known to be missing among %s', (_name, argumentKeys) => {
    expect(judge(forAll('require', [{ path, op: 'exists', value: false }]), { argumentKeys })).toEqual(
      unsure('/all_tools/require/0'),
    );
  });

  test.each([
    ['99 names', Array.from({ length: 99 }, (_, index) => `k${index}`)],
    ['a name of 62 units', ['n'.repeat(62)]],
    ['a name that objects have', ['__proto__', 'constructor']],
  ])('is known to be missing among %s', (_name, argumentKeys) => {
    expect(judge(forAll('require', [{ path, op: 'exists', value: false }]), { argumentKeys })).toEqual(allowed);
  });

  test('of every rule that is not known is told, and a later refusal is sure whatever they say', () => {
    const rules: readonly Rule[] = [
      { path, op: 'eq', value: 1 },
      { path: 'args.b', op: 'eq', value: 1 },
    ];
    expect(judge(forAll('require', rules))).toEqual(unsure('/all_tools/require/0', '/all_tools/require/1'));
    expect(judge(forAll('require', [...rules, { path: 'args.c', op: 'eq', value: 1 }]))).toEqual({
      ...refused('/all_tools/require/2'),
      unkept: ['/all_tools/require/0', '/all_tools/require/1'],
    });
  });

  test('before a hold leaves it unsure', () => {
    const holding = (deny_if: readonly Rule[]): PolicyDocument => ({
      version: '1',
      default: 'deny',
      tools: { x: { action: 'require_approval', deny_if } },
    });
    expect(judge(holding([]))).toMatchObject({
      sure: true,
      effect: 'hold',
      code: 'approval_required',
      rule: '/tools/x/action',
    });
    expect(judge(holding([{ path, op: 'eq', value: 1 }]))).toMatchObject({
      sure: false,
      effect: 'hold',
      unkept: ['/tools/x/deny_if/0'],
    });
    expect(judge(holding([]), { facts: { approved: true } })).toMatchObject({
      sure: true,
      effect: 'allow',
      rule: '/tools/x',
    });
  });

  test('check_arguments is not known, schemas not being kept either', () => {
    const document: PolicyDocument = { version: '1', default: 'allow', check_arguments: true };
    expect(judge(document)).toEqual(unsure('/check_arguments'));
    expect(judge(document, { argumentKeys: [], hasArguments: false })).toEqual(unsure('/check_arguments'));
    expect(judge(document, { under: under(document) })).toEqual(allowed);
    expect(judge(document, { under: under(document, '/check_arguments') })).toEqual({
      ...refused('/check_arguments'),
      code: 'arguments_invalid',
    });
  });
});

describe('the version that decided', () => {
  const one: Rule = { path: 'args.a', op: 'in', value: ['x', 'y'] };
  const other: Rule = { path: 'args.b', op: 'gt', value: 1 };

  test(
    'tells of a rule of the same words that it was passed, wherever it stood, and under whatever name ' + 'it is told',
    () => {
      const decided = under({
        version: '1',
        default: 'deny',
        tools: { x: { require: [other, { conditions: [one] }] } },
      });
      expect(
        judge(forAll('require', [{ op: 'in', value: ['x', 'y'], path: 'args.a', on_deny: 'no' }]), { under: decided }),
      ).toEqual(allowed);
      expect(judge(forAll('require', [other, one]), { under: decided })).toEqual(allowed);
    },
  );

  test('tells which rule refused, those before it, and nothing of those after it', () => {
    const decided = under(forAll('require', [other, one]), '/all_tools/require/0');
    expect(judge(forAll('require', [other]), { under: decided })).toEqual(refused('/all_tools/require/0'));
    expect(judge(forAll('require', [one]), { under: decided })).toEqual(unsure('/all_tools/require/0'));
    const later = under(forAll('require', [other, one]), '/all_tools/require/1');
    expect(judge(forAll('require', [other]), { under: later })).toEqual(allowed);
    expect(judge(forAll('require', [one]), { under: later })).toEqual(refused('/all_tools/require/0'));
  });

  test.each<readonly [string, 'require' | 'deny_if', Rule]>([
    ['of the other kind', 'deny_if', one],
    ['of another value', 'require', { ...one, value: ['x'] }],
    ['of another operator', 'require', { ...one, op: 'not_in' }],
    ['of another path', 'require', { ...one, path: 'args.b' }],
    ['with one condition more', 'require', { conditions: [one, other] }],
  ])('tells nothing of a rule %s', (_name, kind, rule) => {
    expect(judge(forAll(kind, [rule]), { under: under(forAll('require', [one])) }).sure).toBe(false);
  });

  test('tells of the same rule twice by the first', () => {
    const decided = under(forAll('require', [one, other, one]), '/all_tools/require/1');
    expect(judge(forAll('require', [one]), { under: decided })).toEqual(allowed);
  });

  test(
    'tells of a rule that stands where the one that refused is told to stand, and of no other that is ' +
      'told under a rule that is gone',
    () => {
      expect(judge(forAll('require', [one]), { under: under(forAll('require', [one]), '/gone') })).toEqual(
        unsure('/all_tools/require/0'),
      );
      expect(
        judge(forAll('require', [one]), { under: under(forAll('require', [one]), '/all_tools/require/0') }),
      ).toEqual(refused('/all_tools/require/0'));
    },
  );

  test('tells nothing when its rule is none of the plan', () => {
    expect(judge(forAll('require', [one]), { under: under(forAll('require', [one]), '/pin_tools') })).toEqual(
      unsure('/all_tools/require/0'),
    );
  });

  const spend: LimitRule = { counter: 'money', window: 'hour', max: 100, increment_from: 'args.a' };
  const spent = (amount: number) => [{ counter: 'money', window: 'hour', scope: 'grant', amount } as const];

  test('tells the amount of an argument that alone is spent on a counter', () => {
    const draft = limited({ ...spend, counter: 'other', window: 'day', max: 5 });
    expect(judge(draft, { reserved: spent(5), under: under(limited(spend)) })).toMatchObject({
      sure: true,
      effect: 'allow',
    });
    expect(judge(draft, { reserved: spent(5.01), under: under(limited(spend)) })).toMatchObject({
      sure: true,
      effect: 'deny',
      code: 'rate_limited',
      rule: '/tools/x/limits/0',
      unkept: [],
    });
    expect(judge(draft, { reserved: spent(5), under: under(limited(spend, { ...spend, max: 3 })) }).sure).toBe(true);
  });

  test.each<readonly [string, readonly LimitRule[]]>([
    ['another argument is spent on it too', [spend, { ...spend, increment_from: 'args.b' }]],
    ['each call counts one on it too', [spend, { counter: 'money', window: 'hour', max: 9 }]],
    ['each call counts one on it', [{ counter: 'money', window: 'hour', max: 9 }]],
    ['it is of another window', [{ ...spend, window: 'day' }]],
    ['it is of another scope', [{ ...spend, scope: 'server' }]],
  ])('does not tell it when %s', (_name, limits) => {
    expect(judge(limited(spend), { reserved: spent(5), under: under(limited(...limits)) })).toMatchObject({
      sure: false,
      unkept: ['/tools/x/limits/0'],
    });
  });
});

describe('limits of recorded calls', () => {
  const two: LimitRule = { counter: 'two', window: 'minute', max: 2 };

  const outcomes = (document: PolicyDocument, changes: readonly Change[]) => {
    const replay = new Replay(compilePolicy(document));
    return changes.map((change) => {
      const { sure, effect, rule } = replay.judge(recorded(change));
      return sure ? (effect === 'deny' ? rule : effect) : 'unsure';
    });
  };
  const seconds = (...all: readonly number[]): readonly Change[] =>
    all.map((second) => ({ facts: { now: at(second) } }));

  test('begin at 0, count in their windows, and go on with a call that was overtaken', () => {
    expect(outcomes(limited(two), seconds(0, 30, 59, 60, 59, 61, 120))).toEqual([
      'allow',
      'allow',
      '/tools/x/limits/0',
      'allow',
      'allow',
      '/tools/x/limits/0',
      'allow',
    ]);
  });

  test('count for whom their scope says', () => {
    const who = (grantId: string, sessionId?: string): Change => ({
      facts: { grantId, ...(sessionId === undefined ? {} : { sessionId }) },
    });
    expect(outcomes(limited({ ...two, max: 1 }), [who('g'), who('h'), who('g')])).toEqual([
      'allow',
      'allow',
      '/tools/x/limits/0',
    ]);
    expect(outcomes(limited({ ...two, max: 1, scope: 'server' }), [who('g'), who('h')])).toEqual([
      'allow',
      '/tools/x/limits/0',
    ]);
    expect(
      outcomes(limited({ ...two, max: 1, scope: 'session' }), [who('g', 's'), who('g', 't'), who('g', 's')]),
    ).toEqual(['allow', 'allow', '/tools/x/limits/0']);
  });

  test('are all reserved, or none, and the first that does not fit is named', () => {
    const document = limited(
      two,
      { counter: 'one', window: 'hour', max: 1 },
      { counter: 'half', window: 'hour', max: 0.5 },
    );
    expect(outcomes(document, seconds(0, 0, 0))).toEqual([
      '/tools/x/limits/2',
      '/tools/x/limits/2',
      '/tools/x/limits/2',
    ]);
    expect(outcomes(limited(two, { counter: 'one', window: 'hour', max: 1 }), seconds(0, 0, 60, 3600))).toEqual([
      'allow',
      '/tools/x/limits/1',
      '/tools/x/limits/1',
      'allow',
    ]);
  });

  test('sharing a counter add once to it, and each keeps its own max', () => {
    expect(outcomes(limited(two, { ...two, max: 1 }), seconds(0, 0))).toEqual(['allow', '/tools/x/limits/1']);
    expect(outcomes({ ...limited(two), all_tools: { limits: [{ ...two, max: 3 }] } }, seconds(0, 0, 0))).toEqual([
      'allow',
      'allow',
      '/tools/x/limits/0',
    ]);
  });

  test('with an amount that is not kept are unsure, for as long as that call counts', () => {
    const spend: LimitRule = { counter: 'money', window: 'minute', max: 3, increment_from: 'args.a' };
    const one: LimitRule = { counter: 'money', window: 'minute', max: 3 };
    const document: PolicyDocument = {
      version: '1',
      default: 'allow',
      tools: { x: { limits: [spend] }, y: { limits: [one] } },
    };
    const y = (second: number): Change => ({ facts: { tool: 'y', now: at(second) } });
    expect(
      outcomes(document, [
        y(0),
        { facts: { now: at(1) } },
        y(2),
        y(60),
        y(61),
        y(62),
        y(63),
        { facts: { now: at(64) } },
      ]),
    ).toEqual(['allow', 'unsure', 'unsure', 'allow', 'allow', 'allow', '/tools/y/limits/0', 'unsure']);
    expect(outcomes(document, [{ argumentKeys: ['b'] }])).toEqual(['/tools/x/limits/0']);
    expect(judge(document, { argumentKeys: ['b'] })).toMatchObject({ code: 'argument_rule' });
  });

  test('count perhaps what may not have been sent, and no more once it was given back', () => {
    const replay = new Replay(compilePolicy(limited(two)));
    const call = (callId: string, counts: RecordedDecision['counts'] = 'surely') => {
      const { sure, effect } = replay.judge(recorded({ callId, counts }));
      return sure ? effect : 'unsure';
    };
    expect([call('1', 'perhaps'), call('2'), call('3')]).toEqual(['allow', 'allow', 'unsure']);
    replay.givenBack('1');
    replay.givenBack('1');
    replay.givenBack('never seen');
    // What the third took is not known, so that of the fourth isn't either.
    expect([call('4')]).toEqual(['unsure']);
  });

  /** A replay of one call in a minute, in which calls are told as `outcomes` tells them. */
  const onceAMinute = () => {
    const replay = new Replay(compilePolicy(limited({ ...two, max: 1 })));
    const call = (callId: string, second: number, counts: RecordedDecision['counts'] = 'surely') => {
      const { sure, effect } = replay.judge(recorded({ callId, counts, facts: { now: at(second) } }));
      return sure ? effect : 'unsure';
    };
    return { replay, call };
  };

  test.each<readonly [string, RecordedDecision['counts'], boolean, string]>([
    ['was given back leaves its place', 'perhaps', true, 'allow'],
    ['may have been given back leaves nobody sure', 'perhaps', false, 'unsure'],
    ['surely counts is never given back', 'surely', true, 'deny'],
  ])('a call that %s', (_name, counts, isGivenBack, next) => {
    const { replay, call } = onceAMinute();
    expect(call('1', 0, counts)).toBe('allow');
    if (isGivenBack) replay.givenBack('1');
    expect(call('2', 1)).toBe(next);
  });

  test('what was given back after its window leaves the next window as it is', () => {
    const { replay, call } = onceAMinute();
    expect([call('1', 0, 'perhaps'), call('2', 60, 'perhaps')]).toEqual(['allow', 'allow']);
    replay.givenBack('1');
    expect(call('3', 61)).toBe('unsure');
  });

  test('are let alone by what does not count', () => {
    expect(
      outcomes(limited({ ...two, max: 1 }), [{ counts: 'never' }, { counts: 'never' }, {}, { counts: 'never' }, {}]),
    ).toEqual(['allow', 'allow', 'allow', 'allow', '/tools/x/limits/0']);
  });

  test('of an unsure call count perhaps', () => {
    const document: PolicyDocument = {
      ...limited({ ...two, max: 1 }),
      all_tools: { deny_if: [{ path: 'args.a', op: 'eq', value: 1 }] },
    };
    expect(outcomes(document, [{}, { argumentKeys: [] }])).toEqual(['unsure', 'unsure']);
    expect(outcomes(document, [{ argumentKeys: [] }, {}, { argumentKeys: [] }])).toEqual([
      'allow',
      '/tools/x/limits/0',
      '/tools/x/limits/0',
    ]);
  });
});

describe('resources and prompts', () => {
  const document: PolicyDocument = {
    version: '1',
    default: 'allow',
    tools: { x: { action: 'deny' } },
    resources: {
      'file:///secret/*': { action: 'deny' },
      'file:///a': { require: [{ path: 'args.uri', op: 'ends_with', value: 'a' }] },
    },
    prompts: { x: { limits: [{ counter: 'c', window: 'hour', max: 0 }] } },
  };
  const of = (kind: 'tool' | 'resource' | 'prompt', tool: string) =>
    judge(document, { argumentKeys: ['uri'], facts: { kind, tool } });

  test('go by their own sections, and a URI is known', () => {
    expect(of('tool', 'x')).toMatchObject({ effect: 'deny', rule: '/tools/x/action' });
    expect(of('resource', 'x')).toMatchObject({ effect: 'allow', rule: '/default' });
    expect(of('prompt', 'x')).toMatchObject({ effect: 'deny', rule: '/prompts/x/limits/0' });
    expect(of('resource', 'file:///a')).toMatchObject({ sure: true, effect: 'allow', rule: '/resources/file:~1~1~1a' });
  });

  test.each(['file:///a', 'file:///%61', 'file:///b', 'FILE:///secret/a', 'file:////secret/%2561', 'file:///secret'])(
    '%s is judged as by decide',
    (uri) => {
      const { effect, code, rule } = decide(compilePolicy(document), { ...factsOf(uri, { uri }), kind: 'resource' });
      expect(of('resource', uri)).toEqual({ sure: true, effect, code, rule, unkept: [] });
    },
  );

  test.each([
    ['deny', 'require_approval', 'deny'],
    ['require_approval', 'deny', 'deny'],
    ['require_approval', 'allow', 'hold'],
    ['allow', 'require_approval', 'hold'],
    ['require_approval', 'require_approval', 'hold'],
    ['allow', 'allow', 'allow'],
  ] as const)('that an entry gives as %s and the plain spelling as %s: %s, as by decide', (given, plain, effect) => {
    const both: PolicyDocument = {
      version: '1',
      default: 'deny',
      resources: { 'FILE:///a': { action: given }, 'file:///a': { action: plain } },
    };
    const { code, rule } = decide(compilePolicy(both), {
      ...factsOf('FILE:///a', { uri: 'FILE:///a' }),
      kind: 'resource',
    });
    expect(judge(both, { argumentKeys: ['uri'], facts: { kind: 'resource', tool: 'FILE:///a' } })).toMatchObject({
      sure: true,
      effect,
      code,
      rule,
    });
  });

  test('only the names of resources have other spellings', () => {
    const named = { '/a/%62': {}, '/a/b': { action: 'deny' } } as const;
    for (const [kind, section] of [
      ['tool', 'tools'],
      ['prompt', 'prompts'],
    ] as const) {
      expect(
        judge({ version: '1', default: 'deny', [section]: named }, { facts: { kind, tool: '/a/%62' } }),
      ).toMatchObject({ effect: 'allow' });
    }
  });

  test('a URI is refused by what refuses its plain form, and by nothing else of that', () => {
    expect(of('resource', 'file:///%73ecret/key')).toMatchObject({
      effect: 'deny',
      rule: '/resources/file:~1~1~1secret~1*/action',
    });
    expect(of('resource', 'file:///b/%61')).toMatchObject({ effect: 'allow', rule: '/default' });
    expect(
      judge(
        { ...document, default: 'deny', resources: { 'file:///%61': {} } },
        { facts: { kind: 'resource', tool: 'file:///%61' } },
      ),
    ).toMatchObject({ effect: 'allow' });
  });
});

describe('exact sums', () => {
  const sum = (...amounts: readonly number[]): Sum => amounts.reduce<Sum>((total, amount) => plus(total, amount), 0);

  test.each<readonly [readonly number[], number, boolean]>([
    [[0.1, 0.2], 0.3, false],
    [[0.1, 0.2], 0.29, true],
    [[0.1, 0.2, 0.7], 1, false],
    [[1e21, 1], 1e21, true],
    [[1e-7, 1e-7], 2e-7, false],
    [[5e-324], 0, true],
    [[2 ** 53 - 1, 2], 2 ** 53, true],
    [[2 ** 53, 1], 2 ** 53, true],
    [[1, 2, 3], 6, false],
    [[1, 2, 3], 5, true],
    [[1.5, 1.5], 3, false],
    [[1e-7], 1, false],
    [[1], 1e21, false],
    [[1e21], 1e20, true],
    [[0.5, 1e21], 1e21, true],
    [[1.25e-3, 1], 1.001, true],
    [[1.7976931348623157e308, 1.7976931348623157e308], 1.7976931348623157e308, true],
    [[0.5, Number.POSITIVE_INFINITY], 1e308, true],
    [[Number.POSITIVE_INFINITY, 0.5], 1e308, true],
    [[Number.POSITIVE_INFINITY, 1], 1e308, true],
    [[0.5], Number.POSITIVE_INFINITY, false],
  ])('%o is over %d: %s', (amounts, most, over) => {
    expect(isOver(sum(...amounts), most)).toBe(over);
  });

  test('less an amount are exact, and never below 0', () => {
    expect(isOver(minus(sum(0.1, 0.2), 0.2), 0.1)).toBe(false);
    expect(isOver(minus(sum(0.1, 0.2), 0.2), 0.09)).toBe(true);
    expect(minus(5, 3)).toBe(2);
    expect(minus(3, 5)).toBe(0);
    expect(minus(sum(0.5), 1)).toBe(0);
    expect(isOver(minus(5, 0.5), 4.5)).toBe(false);
    expect(isOver(minus(5, 0.5), 4.4)).toBe(true);
    expect(minus(Number.POSITIVE_INFINITY, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(minus(5, Number.POSITIVE_INFINITY)).toBe(0);
    expect(minus(Number.POSITIVE_INFINITY, 0.5)).toBe(Number.POSITIVE_INFINITY);
    expect(isOver(minus(1, 0.9), 0.099999999999999978)).toBe(true);
    expect([0.4, 0.5].map((most) => isOver(minus(sum(0.5, 1), 1), most))).toEqual([true, false]);
    expect([0.9e308, 1e308].map((most) => isOver(minus(sum(1e308, 1e308), 1e308), most))).toEqual([true, false]);
  });
});

test('counters whose window is over go when there are many', () => {
  const counters = new Counters();
  const one = (whom: string, second: number) =>
    [
      { counter: 'c', window: 'second', scope: 'grant', whom, amount: 1, max: 1, pointer: '/' } as const,
      at(second),
    ] as const;
  for (let index = 0; index < 25_000; index += 1) counters.add([one(`g${index}`, index)[0]], at(index), true);
  expect(counters.size).toBeLessThanOrEqual(10_000);
  expect(counters.fit([one('g24999', 24_999)[0]], at(24_999)).refusedBy).toBeDefined();
});

test('counters whose window is not over stay, however many there are', () => {
  const counters = new Counters();
  const month = { counter: 'c', window: 'month', scope: 'grant', whom: 'g', amount: 1, max: 1, pointer: '/' } as const;
  counters.add([month], at(0), true);
  for (let index = 0; index < 25_000; index += 1)
    counters.add([{ ...month, window: 'second', whom: `g${index}` }], at(index), true);
  expect(counters.fit([month], at(25_000)).refusedBy).toEqual(month);
});
