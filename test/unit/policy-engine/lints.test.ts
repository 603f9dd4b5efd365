import { describe, expect, test } from 'vitest';
import type { Rule, ToolEntry } from '../../../src/policy-engine/document.js';
import { toolLints } from '../../../src/policy-engine/lints/tool-lints.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { costInParses } from '../../support/cpu.js';

const found = (document: unknown) => {
  const parsed = parsePolicy(document);
  return parsed.ok ? parsed.warnings.map(({ pointer, code }) => `${code} ${pointer}`) : ['refused'];
};
const tools = (entries: Readonly<Record<string, unknown>>, more: object = {}) =>
  found({ version: '1', default: 'deny', tools: entries, ...more });
const entry = (one: ToolEntry) => tools({ x: one });
const condition = { path: 'args.a', op: 'eq', value: 1 } as const;
const limit = { counter: 'c', window: 'minute', max: 5 } as const;

describe('default allow', () => {
  const open = (more: object) => found({ version: '1', default: 'allow', ...more });

  test.each([
    ['alone is unsafe', {}, true],
    ['with entries that allow is unsafe', { tools: { x: {}, y: { deny_if: [condition] } } }, true],
    ['with an empty hide is unsafe', { hide: [], all_tools: { deny_if: [], require: [] } }, true],
    ['with something hidden is not warned of', { hide: ['x'] }, false],
    ['with something denied is not warned of', { tools: { x: { action: 'deny' } } }, false],
    ['with something that needs approval is not warned of', { tools: { x: { action: 'require_approval' } } }, false],
    ['with a deny_if for all tools is not warned of', { all_tools: { deny_if: [condition] } }, false],
    ['with a require for all tools is not warned of', { all_tools: { require: [condition] } }, false],
  ])('%s', (_name, more, warned) => {
    expect(open(more)).toEqual(warned ? ['unsafe_default /default'] : []);
  });
});

describe('hide', () => {
  test.each([
    ['hides an entry', ['x'], { x: {}, y: {} }, ['never_fires /tools/x']],
    ['hides an entry by a pattern', ['x*'], { xy: {}, y: {} }, ['never_fires /tools/xy']],
    ['hides an entry that is a pattern', ['x*'], { 'xy*': {}, '*x': {} }, ['never_fires /tools/xy*']],
    ['does not hide a wider pattern', ['xy*'], { 'x*': {} }, []],
    ['does not hide what a star of the entry may stand for', ['xa*'], { 'x*': {} }, []],
    ['names something twice', ['x', 'y', 'x'], {}, ['shadowed_pattern /hide/2']],
    [
      'names what a pattern of it matches',
      ['xy', 'x*', 'x*z'],
      {},
      ['shadowed_pattern /hide/0', 'shadowed_pattern /hide/2'],
    ],
    ['escapes names in pointers', ['a/b'], { 'a/b': {} }, ['never_fires /tools/a~1b']],
  ])('%s', (_name, hide, entries, expected) => {
    expect(tools(entries, { hide })).toEqual(expected);
  });
});

describe('patterns that match the same names', () => {
  test.each([
    ['the stricter wins', { 'a*': {}, 'a**': { action: 'deny' } }, ['shadowed_pattern /tools/a*']],
    [
      'that needs approval wins over one that allows',
      { 'a*': {}, 'a**': { action: 'require_approval' } },
      ['shadowed_pattern /tools/a*'],
    ],
    [
      'that denies wins over one that needs approval',
      { 'a*': { action: 'require_approval' }, 'a**': { action: 'deny' } },
      ['shadowed_pattern /tools/a*'],
    ],
    ['the first by code point wins', { 'a**': {}, 'a*': {} }, ['shadowed_pattern /tools/a**']],
    [
      'only one of three wins',
      { 'a***': {}, 'a**': {}, 'a*': {} },
      ['shadowed_pattern /tools/a***', 'shadowed_pattern /tools/a**'],
    ],
    [
      'the stricter one stays, whatever the order',
      { 'a*': { action: 'deny' }, 'a**': {} },
      ['shadowed_pattern /tools/a**'],
    ],
    [
      'the stricter one stays, also as the second by code point',
      { 'a**': { action: 'deny' }, 'a*': {} },
      ['shadowed_pattern /tools/a*'],
    ],
    ['others do not shadow each other', { 'a*': {}, '*a': {}, 'a*a': {}, '*': {} }, []],
  ])('%s', (_name, entries, expected) => {
    expect(tools(entries)).toEqual(expected);
  });
});

test('resources and prompts are looked at like tools', () => {
  expect(
    tools(
      {},
      { resources: { 'a*': {}, 'a**': { action: 'deny' } }, prompts: { x: { require: [{ conditions: [] }] } } },
    ),
  ).toEqual(['shadowed_pattern /resources/a*', 'never_fires /prompts/x/require/0']);
});

test('more names than can be compared in a moment are not warned of', () => {
  const hide = (patterns: number) => [
    ...Array.from({ length: patterns - 1 }, (_, index) => `${String(index).padStart(4, '0')}*`),
    '0000*',
  ];
  expect(tools({}, { hide: hide(1000) })).toEqual(['shadowed_pattern /hide/999']);
  expect(tools({}, { hide: hide(1001) })).toEqual([]);
});

describe('approval', () => {
  test.each([
    ['with nothing that needs it is in vain', {}, { approval: {} }, ['never_fires /approval']],
    [
      'with something that needs it is not',
      { x: { action: 'require_approval' }, y: {} },
      { approval: { count: 2 } },
      [],
    ],
    [
      'in an entry that needs none is in vain',
      { 'a/b': { approval: {} }, x: { action: 'require_approval', approval: {} } },
      {},
      ['never_fires /tools/a~1b/approval'],
    ],
    [
      'in an entry that denies is in vain',
      { x: { action: 'deny', approval: {} } },
      {},
      ['never_fires /tools/x/approval'],
    ],
  ])('%s', (_name, entries, more, expected) => {
    expect(tools(entries, more)).toEqual(expected);
  });

  test('and the limits behind it fire once a call is approved', () => {
    expect(entry({ action: 'require_approval', limits: [limit], require: [condition], deny_if: [condition] })).toEqual(
      [],
    );
  });
});

test('what comes after action deny never fires', () => {
  expect(
    entry({
      action: 'deny',
      reason: 'no',
      limits: [limit],
      rate_limit: { max: 1, window: 1 },
      require: [condition],
      deny_if: [condition],
    }),
  ).toEqual([
    'never_fires /tools/x/deny_if',
    'never_fires /tools/x/require',
    'never_fires /tools/x/limits',
    'never_fires /tools/x/rate_limit',
  ]);
});

test('a require without conditions never fires', () => {
  expect(entry({ require: [condition, { conditions: [] }] })).toEqual(['never_fires /tools/x/require/1']);
});

test('what comes after a deny_if without conditions never fires', () => {
  const all = { require: [condition], limits: [limit], rate_limit: { max: 1, window: 1 } };
  expect(entry({ deny_if: [condition, { conditions: [] }, condition], ...all })).toEqual(
    ['deny_if/2', 'require', 'limits', 'rate_limit'].map((key) => `never_fires /tools/x/${key}`),
  );
  expect(entry({ deny_if: [{ conditions: [] }, condition, condition] })).toEqual([
    'never_fires /tools/x/deny_if/1',
    'never_fires /tools/x/deny_if/2',
  ]);
  expect(tools({ x: {} }, { all_tools: { deny_if: [{ conditions: [] }], limits: [limit] } })).toEqual([
    'never_fires /all_tools/limits',
  ]);
  expect(entry({ deny_if: [condition, { conditions: [] }] })).toEqual([]);
});

describe('a deny_if', () => {
  const a = (op: string, value: unknown, path = 'args.a') => ({ path, op, value });

  test.each([
    ['of two values', [a('eq', 1), a('eq', 2)], true],
    ['of one value twice', [a('eq', 1), a('eq', 1)], false],
    ['of a value and not that value', [a('neq', 1), a('eq', 1)], true],
    ['of a value and not another', [a('neq', 2), a('eq', 1)], false],
    ['of a value and a list without it', [a('eq', 'x'), a('in', ['y'])], true],
    ['of a value and a text that it does not have', [a('eq', 'abc'), a('matches', '^b')], true],
    ['of a value and a text that it has', [a('eq', 'abc'), a('starts_with', 'a')], false],
    ['of a value and another type', [a('eq', 'abc'), a('eq', 1)], false],
    ['of two paths', [a('eq', 1), a('eq', 2, 'args.b')], false],
    ['of two elements', [a('eq', 1, 'args.a[*]'), a('eq', 2, 'args.a[*]')], false],
    ['of what is missing and its value', [a('exists', false), a('eq', 2)], true],
    ['of what is missing and not a value', [a('exists', false), a('neq', 2)], false],
    ['of what is missing and there', [a('exists', false), a('exists', true)], true],
    ['of what is missing twice', [a('exists', false), a('exists', false)], false],
    ['of what is there and a value', [a('exists', true), a('eq', 2)], false],
    ['of an empty range', [a('gt', 5), a('lt', 5)], true],
    ['of an empty range, upside down', [a('lte', 4), a('gte', 5)], true],
    ['of a range of one', [a('gte', 5), a('lte', 5)], false],
    ['of a half-open range of none', [a('gte', 5), a('lt', 5)], true],
    ['of a range of none that is open below', [a('gt', 5), a('lte', 5)], true],
    ['of a number as text and a bound below it', [a('gt', '9'), a('lt', 5)], false],
    ['of a number and a bound below it as text', [a('gt', 9), a('lt', '5')], false],
    ['of false and what is there', [a('eq', false), a('exists', true)], false],
    ['of a range', [a('gt', 4), a('lt', 5)], false],
    ['of bounds of two types', [a('gt', 5), a('lt', 'a')], false],
    ['of two lower bounds', [a('gt', 5), a('gt', 4)], false],
    ['of a text and a bound above it', [a('gt', 'b'), a('lt', 5)], false],
    ['of nothing', [], false],
  ])('%s', (_name, conditions, warned) => {
    const rule = { conditions } as Rule;
    expect(entry({ deny_if: [condition, rule] })).toEqual(warned ? ['contradiction /tools/x/deny_if/1'] : []);
    expect(found({ version: '1', default: 'deny', all_tools: { deny_if: [rule] } })).toEqual(
      warned ? ['contradiction /all_tools/deny_if/0'] : [],
    );
  });
});

describe('a require', () => {
  const a = (op: string, value: unknown, path = 'args.a') => ({ path, op, value });

  test.each([
    ['of two values', [a('eq', 1), a('eq', 2)], true],
    ['of one value twice', [a('eq', 1), a('eq', 1)], false],
    ['of a value and another type, which is undecidable and so does not hold', [a('eq', 'abc'), a('eq', 1)], true],
    ['of a value and a text that it has', [a('eq', 'abc'), a('contains', 'b')], false],
    [
      'of what is missing and not a value, which does not hold for what is missing',
      [a('exists', false), a('neq', 2)],
      true,
    ],
    ['of what is missing twice', [a('exists', false), a('exists', false)], false],
    ['of what is there and a value', [a('exists', true), a('eq', 2)], false],
    ['of an empty range', [a('gt', 5), a('lt', 5)], true],
    ['of a range', [a('gt', 4), a('lt', 5)], false],
    ['of every element', [a('eq', 1, 'args.a[*]'), a('eq', 2, 'args.a[*]')], false],
  ])('%s', (_name, conditions, warned) => {
    expect(entry({ require: [{ conditions } as Rule] })).toEqual(warned ? ['contradiction /tools/x/require/0'] : []);
  });
});

test('in more rules than can be compared in a moment no contradiction is looked for', () => {
  const many = (rules: number) => [
    ...Array.from({ length: rules }, () => ({
      conditions: Array.from({ length: 32 }, (_, value) => ({ path: 'args.a', op: 'neq' as const, value })),
    })),
    { conditions: [condition, { ...condition, value: 2 }] },
  ];
  expect(entry({ deny_if: many(20) })).toEqual(['contradiction /tools/x/deny_if/20']);
  expect(entry({ deny_if: many(21) })).toEqual([]);
});

test('contradictions are looked for with bounded work', () => {
  const deny = Array.from({ length: 60 }, (_, rule) => ({
    conditions: Array.from({ length: 32 }, (_item, index) => ({
      path: 'args.a',
      op: index % 2 === 0 ? 'contains' : 'eq',
      value: `${'x'.repeat(900)}${rule}${index}`,
    })),
  }));
  expect(entry({ deny_if: deny.slice(0, 2) as Rule[] })).toContain('contradiction /tools/x/deny_if/1');
  expect(entry({ deny_if: deny as Rule[] })).not.toEqual(['refused']);
  expect(costInParses(() => entry({ deny_if: deny as Rule[] }))).toBeLessThan(50);
});

describe('a limit', () => {
  test.each([
    ['looser than its neighbour', [{ ...limit, max: 6 }, limit], [], ['limit_without_effect /tools/x/limits/0']],
    ['equal to its neighbour', [limit, limit], [], ['limit_without_effect /tools/x/limits/1']],
    [
      'with the scope spelled out',
      [limit, { ...limit, scope: 'grant', max: 9 }],
      [],
      ['limit_without_effect /tools/x/limits/1'],
    ],
    ['with another scope', [limit, { ...limit, scope: 'server', max: 9 }], [], []],
    ['with another window', [limit, { ...limit, window: 61, max: 9 }], [], []],
    [
      'with the same window in other words',
      [limit, { ...limit, window: 60, max: 9 }],
      [],
      ['limit_without_effect /tools/x/limits/1'],
    ],
    [
      'with another counter that nothing else counts in',
      [limit, { ...limit, counter: 'd', max: 9 }],
      [],
      ['limit_without_effect /tools/x/limits/1'],
    ],
    [
      'with another counter by server, in which other policies may count',
      [
        { ...limit, scope: 'server' },
        { ...limit, counter: 'd', scope: 'server', max: 9 },
      ],
      [],
      [],
    ],
    [
      'with another counter than a stricter one for all tools',
      [limit],
      [{ ...limit, counter: 'd', max: 4 }],
      ['limit_without_effect /tools/x/limits/0'],
    ],
    [
      'on a counter that another limit spends from',
      [
        { ...limit, max: 9 },
        { ...limit, counter: 'd' },
        { ...limit, max: 99, increment_from: 'args.n' },
      ],
      [],
      [],
    ],
    [
      'beside a stricter one on its counter that spends an argument',
      [limit, { ...limit, max: 1, increment_from: 'args.n' }],
      [],
      [],
    ],
    [
      'beside one for all tools that spends an argument',
      [limit],
      [{ ...limit, counter: 'd', max: 4, increment_from: 'args.n' }],
      [],
    ],
    ['that spends an argument', [limit, { ...limit, max: 9, increment_from: 'args.n' }], [], []],
    ['looser than one for all tools', [limit], [{ ...limit, max: 4 }], ['limit_without_effect /tools/x/limits/0']],
    ['as strict as one for all tools', [limit], [limit], ['limit_without_effect /tools/x/limits/0']],
    ['stricter than one for all tools', [{ ...limit, max: 4 }], [limit], []],
  ] as const)('%s', (_name, limits, forAll, expected) => {
    expect(tools({ x: { limits } }, { all_tools: { limits: forAll } })).toEqual(expected);
  });

  test('on a counter that other entries count in too stays where only its own entry has a stricter one', () => {
    const shared = { ...limit, counter: 'shared', max: 9 };
    expect(tools({ x: { limits: [limit, shared] }, y: { limits: [shared] } })).toEqual([]);
    expect(tools({ x: { limits: [limit, shared] }, y: { action: 'deny', limits: [shared] } })).toEqual([
      'never_fires /tools/y/limits',
      'limit_without_effect /tools/x/limits/1',
    ]);
  });

  test('on a counter that other entries count in too goes where one for all tools is stricter', () => {
    const shared = { ...limit, counter: 'shared', max: 9 };
    expect(tools({ x: { limits: [shared] }, y: { limits: [shared] } }, { all_tools: { limits: [limit] } })).toEqual([
      'limit_without_effect /tools/x/limits/0',
      'limit_without_effect /tools/y/limits/0',
    ]);
  });

  test('by session goes beside a stricter one by session on another counter', () => {
    expect(
      entry({
        limits: [
          { ...limit, scope: 'session' },
          { ...limit, counter: 'd', scope: 'session', max: 9 },
        ],
      }),
    ).toContain('limit_without_effect /tools/x/limits/1');
  });

  test('in short is one like the others', () => {
    expect(entry({ limits: [limit], rate_limit: { max: 5, window: 60 } })).toEqual([
      'limit_without_effect /tools/x/rate_limit',
    ]);
    expect(entry({ limits: [limit], rate_limit: { max: 4, window: 60 } })).toEqual([
      'limit_without_effect /tools/x/limits/0',
    ]);
    expect(entry({ limits: [limit], rate_limit: { max: 5, window: 3600 } })).toEqual([]);
  });

  test('of a resource is not beside those for all tools, nor beside those of a tool of its name', () => {
    expect(
      tools(
        { x: { limits: [{ ...limit, counter: 'd', max: 4 }] } },
        {
          all_tools: { limits: [{ ...limit, counter: 'e', max: 3, scope: 'server' }] },
          resources: { x: { limits: [limit] } },
        },
      ),
    ).toEqual([]);
    expect(tools({}, { all_tools: { limits: [limit] }, resources: { x: { limits: [limit] } } })).toEqual([]);
  });

  test('for all tools looser than its neighbour', () => {
    expect(tools({}, { all_tools: { limits: [limit, { ...limit, max: 6 }] } })).toEqual([
      'limit_without_effect /all_tools/limits/1',
    ]);
    expect(tools({}, { all_tools: { limits: [limit, limit] } })).toEqual(['limit_without_effect /all_tools/limits/1']);
  });
});

describe('a value that the fact never has', () => {
  test.each([
    ['a long weekday', { path: 'time.weekday', op: 'eq', value: 'Monday' }, true],
    ['a weekday', { path: 'time.weekday', op: 'eq', value: 'mon' }, false],
    ['one of several weekdays', { path: 'time.weekday', op: 'in', value: ['sat', 'Sun'] }, true],
    ['an hour past midnight', { path: 'time.hour', op: 'neq', value: 24 }, true],
    ['an hour as text', { path: 'time.hour', op: 'eq', value: '9' }, true],
    ['the last hour', { path: 'time.hour', op: 'not_in', value: [0, 23] }, false],
    ['an unknown kind', { path: 'identity.kind', op: 'eq', value: 'robot' }, true],
    ['a bound', { path: 'time.hour', op: 'lt', value: 24 }, false],
    ['a name', { path: 'identity.name', op: 'eq', value: 'Monday' }, false],
  ])('%s', (_name, rule, warned) => {
    expect(entry({ require: [rule as Rule] })).toEqual(warned ? ['unknown_value /tools/x/require/0/value'] : []);
    expect(entry({ deny_if: [{ conditions: [condition, rule] } as Rule] })).toEqual(
      warned ? ['unknown_value /tools/x/deny_if/0/conditions/1/value'] : [],
    );
  });
});

test('what a fact can be is never warned of', () => {
  const of = (path: string, value: readonly unknown[]) => entry({ require: [{ path, op: 'in', value }] as Rule[] });
  expect(of('time.weekday', ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).toEqual([]);
  expect(of('identity.kind', ['human', 'agent', 'service'])).toEqual([]);
  expect(
    of(
      'time.hour',
      Array.from({ length: 24 }, (_, hour) => hour),
    ),
  ).toEqual([]);
  expect(entry({ require: [{ path: 'time.weekday', op: 'not_in', value: ['today'] }] })).toEqual([
    'unknown_value /tools/x/require/0/value',
  ]);
});

describe('beside the tools of a server', () => {
  const server = [
    { name: 'list_issues', arguments: ['project', 'state'] },
    { name: 'list_jobs', arguments: [] },
    { name: 'cancel_job', arguments: null },
  ];
  const beside = (document: object): readonly string[] => {
    const parsed = parsePolicy({ version: '1', default: 'deny', ...document });
    return parsed.ok
      ? toolLints(parsed.document, server).map(({ pointer, code }) => `${code} ${pointer}`)
      : ['refused'];
  };

  test.each([
    [
      'a name that the server does not have',
      { tools: { cancel_jobs: {}, cancel_job: {} } },
      ['unknown_tool /tools/cancel_jobs'],
    ],
    ['a hidden name that it does not have', { hide: ['list_jobs', 'a/b'] }, ['unknown_tool /hide/1']],
    [
      'a pattern that matches none of them',
      { tools: { 'merge_*': {}, 'list_*': {} } },
      ['unknown_tool /tools/merge_*'],
    ],
    ['patterns that deny or hide what may come', { tools: { '*delete*': { action: 'deny' } }, hide: ['drop_*'] }, []],
    [
      'a pattern whose tools all have entries that win',
      { tools: { 'list_*': {}, list_issues: {}, list_jobs: {} } },
      ['shadowed_pattern /tools/list_*'],
    ],
    ['a pattern of which one tool is left', { tools: { 'list_*': {}, list_issues: {} } }, []],
    [
      'a wider pattern that longer ones leave nothing',
      { tools: { 'list_*': {}, 'list_issues*': {}, 'list_jobs*': {} } },
      ['shadowed_pattern /tools/list_*'],
    ],
    [
      'a pattern whose tools a stricter one of its length has',
      { tools: { '*_jobs': {}, 'list_*': { action: 'deny' } } },
      ['shadowed_pattern /tools/*_jobs'],
    ],
    [
      'an argument that a limit spends and the schema names',
      { tools: { list_issues: { limits: [limit, { ...limit, counter: 'd', increment_from: 'args.project' }] } } },
      [],
    ],
    [
      'an attribute of the identity that is called args',
      { tools: { list_issues: { require: [{ path: 'identity.attributes.args.x', op: 'eq', value: 1 }] } } },
      [],
    ],
    [
      'an argument that the schema does not name',
      { tools: { list_issues: { require: [{ path: 'args.sate', op: 'eq', value: 'x' }] } } },
      ['unknown_argument /tools/list_issues/require/0/path'],
    ],
    [
      'one of several',
      {
        tools: {
          list_issues: {
            deny_if: [
              {
                conditions: [
                  { path: 'args.state', op: 'eq', value: 'x' },
                  { path: 'args.a.b[0]', op: 'eq', value: 'x' },
                ],
              },
            ],
          },
        },
      },
      ['unknown_argument /tools/list_issues/deny_if/0/conditions/1/path'],
    ],
    [
      'one that a limit spends',
      { tools: { list_jobs: { limits: [{ ...limit, increment_from: 'args.n' }] } } },
      ['unknown_argument /tools/list_jobs/limits/0/increment_from'],
    ],
    [
      'what lies within an argument that it names',
      { tools: { list_issues: { require: [{ path: 'args.project.id', op: 'eq', value: 1 }] } } },
      [],
    ],
    [
      'arguments of a tool whose schema names none',
      { tools: { cancel_job: { require: [{ path: 'args.job', op: 'eq', value: 1 }] } } },
      [],
    ],
    [
      'what is no argument',
      { tools: { list_jobs: { require: [{ path: 'identity.kind', op: 'eq', value: 'agent' }] } } },
      [],
    ],
  ])('%s', (_name, document, expected) => {
    expect(beside(document)).toEqual(expected);
  });
});

test('more patterns and tools than can be compared in a moment are not warned of', () => {
  const lints = (patterns: number) =>
    toolLints(
      {
        version: '1',
        default: 'deny',
        tools: Object.fromEntries(Array.from({ length: patterns }, (_, at) => [`none*${at}`, {}])),
      },
      Array.from({ length: 1000 }, (_, at) => ({ name: `tool_${at}`, arguments: null })),
    );
  expect(lints(600)).toHaveLength(600);
  expect(lints(700)).toEqual([]);
});

describe('a warning says why, in words and without a value of the document', () => {
  const messages = (document: object): readonly string[] => {
    const parsed = parsePolicy({ version: '1', default: 'deny', ...document });
    return parsed.ok
      ? [...parsed.warnings, ...toolLints(parsed.document, [{ name: 'x', arguments: [] }])].map(
          ({ message }) => message,
        )
      : ['refused'];
  };
  const x = (one: ToolEntry) => ({ tools: { x: one } });

  test.each([
    [
      { default: 'allow' },
      'every tool without an entry is allowed, also one that the server adds later, and nothing is hidden or denied',
    ],
    [{ approval: {} }, 'it matters only with action require_approval'],
    [{ hide: ['x', 'x'] }, 'another item of hide hides all of this one'],
    [{ hide: ['x'], ...x({}) }, 'hide comes first, so no call gets to this entry'],
    [
      { tools: { 'x*': {}, 'x**': { action: 'deny' } } },
      'another pattern matches the same names and wins',
      'every tool of the server that this matches has another entry that wins',
    ],
    [x({ action: 'deny', limits: [limit] }), 'action deny comes first, so no call gets here'],
    [x({ require: [{ conditions: [] }] }), 'it has no conditions, so it always holds'],
    [
      x({
        require: [
          {
            conditions: [
              { path: 'identity.name', op: 'eq', value: 'a' },
              { path: 'identity.name', op: 'eq', value: 'b' },
            ],
          },
        ],
      }),
      'its conditions exclude each other, so it refuses every call',
    ],
    [
      x({
        deny_if: [
          {
            conditions: [
              { path: 'identity.name', op: 'eq', value: 'a' },
              { path: 'identity.name', op: 'eq', value: 'b' },
            ],
          },
        ],
      }),
      'its conditions exclude each other, so it refuses only what can not be judged',
    ],
    [
      x({ deny_if: [{ conditions: [] }], limits: [limit] }),
      'a deny_if without conditions comes first and refuses every call',
    ],
    [x({ require: [{ path: 'time.weekday', op: 'eq', value: 'secret' }] }), 'time.weekday is never this'],
    [
      x({ limits: [limit, limit] }),
      'another limit on the same calls in the same window is as strict or stricter, so this one never refuses first',
    ],
    [{ tools: { secret: {} } }, 'the server has no tool of this name'],
    [{ tools: { 'secret*': {} } }, 'the server has no tool that this matches'],
    [x({ require: [condition] }), "the tool's own schema names no such argument"],
  ])('%j', (document, ...expected) => {
    expect(messages(document)).toEqual(expected);
  });
});

describe('a rule whose argument never has the type that the rule needs', () => {
  const argumentTypes = {
    labels: 'array',
    id: 'integer',
    note: ['string', 'null'],
    any: {},
    deep: 'object',
    flag: 'boolean',
  };
  const tool = { name: 'x', arguments: Object.keys(argumentTypes), argumentTypes };
  const warningsOf = (entry: ToolEntry): readonly string[] => {
    const document = { version: '1', default: 'deny', tools: { x: entry } } as const;
    return toolLints(document, [tool]).map(({ pointer, code }) => `${code} ${pointer}`);
  };

  test.each([
    ['contains on a list', { path: 'args.labels', op: 'contains', value: 'a' }],
    ['eq with a text on a number', { path: 'args.id', op: 'eq', value: '42' }],
    ['in with texts on a number', { path: 'args.id', op: 'in', value: ['1', '2'] }],
    ['matches on a boolean', { path: 'args.flag', op: 'matches', value: 'a' }],
    ['length_lte on a number', { path: 'args.id', op: 'length_lte', value: 1 }],
    ['a member of a text', { path: 'args.note.x', op: 'eq', value: 'a' }],
    ['an element of an object', { path: 'args.deep[0]', op: 'eq', value: 'a' }],
  ] as const)('%s is warned of where it stands', (_what, condition) => {
    expect(warningsOf({ require: [condition] })).toEqual(['type_mismatch /tools/x/require/0']);
    expect(warningsOf({ deny_if: [{ conditions: [condition] }] })).toEqual([
      'type_mismatch /tools/x/deny_if/0/conditions/0',
    ]);
  });

  test('a limit that spends an argument which is no number is warned of', () => {
    const limit = { counter: 'c', window: 'minute', max: 1, scope: 'grant', increment_from: 'args.note' } as const;
    expect(warningsOf({ limits: [limit] })).toEqual(['type_mismatch /tools/x/limits/0/increment_from']);
  });

  test.each([
    { path: 'args.id', op: 'eq', value: 42 },
    { path: 'args.id', op: 'in', value: ['a', 42] },
    { path: 'args.note', op: 'contains', value: 'a' },
    { path: 'args.labels', op: 'length_gte', value: 1 },
    { path: 'args.labels', op: 'exists', value: true },
    { path: 'args.labels[*]', op: 'eq', value: 'a' },
    { path: 'args.deep.x', op: 'eq', value: 'a' },
    { path: 'args.any', op: 'eq', value: 'a' },
    { path: 'identity.name', op: 'eq', value: 'a' },
  ] as const)('%j is not warned of', (condition) => {
    expect(warningsOf({ require: [condition] })).toEqual([]);
  });
});
