import type { Facts } from '../../src/policy-engine/decide.js';
import type { Condition, Operator, PolicyDocument, ToolEntry } from '../../src/policy-engine/document.js';
import type { DecisionCase } from './decisions.js';

/** True, false, undecidable. */
type Truth = 'T' | 'F' | 'U';

const usual = {
  require: { F: 'x: the policy requires something else of ', U: 'x: the policy has a rule on ', T: '' },
  deny_if: { T: 'x: the policy refuses this because of ', U: 'x: the policy has a rule on ', F: '' },
} as const;

/**
 * What one condition makes of a call, in a `require` and in a `deny_if`: undecidable refuses in both, in words of its
 * own.
 */
function both(
  name: string,
  condition: Condition,
  facts: Partial<Facts>,
  truths: readonly [require: Truth, denyIf: Truth],
): readonly DecisionCase[] {
  return (['require', 'deny_if'] as const).map((within, index) => {
    const truth = truths[index] ?? 'U';
    const document: PolicyDocument = { version: '1', default: 'deny', tools: { x: { [within]: [condition] } } };
    const passes = truth === (within === 'require' ? 'T' : 'F');
    const unjudged = truth === 'U' ? " that can't be judged for this call" : '';
    const reason = `${usual[within][truth]}${condition.path}${unjudged}`;
    const expected = passes
      ? ({ effect: 'allow', code: 'allowed', rule: '/tools/x', reserved: [] } as const)
      : ({ effect: 'deny', code: 'argument_rule', rule: `/tools/x/${within}/0`, reason, reserved: [] } as const);
    return { name: `${within}: ${name}`, document, facts: { tool: 'x', ...facts }, expected };
  });
}

const absent = Symbol('absent');
const long = 'a'.repeat(65_536);

/** Operator, the rule's value, the argument's value, and what that is; the second truth where a `deny_if` differs. */
type ValueRow = readonly [op: Operator, value: Condition['value'], given: unknown, truth: Truth, inDenyIf?: Truth];

const valueRows: readonly ValueRow[] = [
  ['eq', 'a', 'a', 'T'],
  ['eq', 'a', 'b', 'F'],
  ['eq', 'a', 'A', 'F'],
  ['eq', 'a', '', 'F'],
  ['eq', '', '', 'T'],
  ['eq', 'é', 'e\u0301', 'F'],
  ['eq', true, true, 'T'],
  ['eq', true, false, 'F'],
  ['eq', true, 'true', 'U'],
  ['eq', true, 1, 'U'],
  ['eq', false, 0, 'U'],
  ['eq', false, '', 'U'],
  ['eq', 42, 42, 'T'],
  ['eq', 42, 42.5, 'F'],
  ['eq', 42, '42', 'U'],
  ['eq', '42', 42, 'U'],
  ['eq', 0, -0, 'T'],
  ['eq', 0.3, 0.1 + 0.2, 'F'],
  ['eq', 1, true, 'U'],
  ['eq', 'a', ['a'], 'U'],
  ['eq', 'a', { a: 'a' }, 'U'],
  ['eq', 'a', null, 'F'],
  ['eq', 'a', absent, 'F'],
  ['neq', 'a', 'b', 'T'],
  ['neq', 'a', 'a', 'F'],
  ['neq', 1, 2, 'T'],
  ['neq', 1, '1', 'U'],
  ['neq', 'a', [], 'U'],
  ['neq', true, 'true', 'U'],
  ['neq', 'a', absent, 'F', 'T'],
  ['neq', 'a', null, 'F', 'T'],
  ['in', ['a', 'b'], 'b', 'T'],
  ['in', ['a', 'b'], 'c', 'F'],
  ['in', ['a', 'b'], 'B', 'F'],
  ['in', ['a', 1], 1, 'T'],
  ['in', ['a', 1], '1', 'F'],
  ['in', ['a', 'b'], 1, 'U'],
  ['in', [1, 2], '1', 'U'],
  ['in', [true], 'true', 'U'],
  ['in', ['a'], ['a'], 'U'],
  ['in', ['a', 'b'], {}, 'U'],
  ['in', ['a'], null, 'F'],
  ['in', ['a'], absent, 'F'],
  ['not_in', ['a', 'b'], 'c', 'T'],
  ['not_in', ['a', 'b'], 'a', 'F'],
  ['not_in', ['a', 'b'], 1, 'U'],
  ['not_in', ['a'], ['b'], 'U'],
  ['not_in', ['a', 'b'], absent, 'F', 'T'],
  ['not_in', ['a', 'b'], null, 'F', 'T'],
  ['lt', 10, 9.99, 'T'],
  ['lt', 10, 10, 'F'],
  ['lt', 10, 11, 'F'],
  ['lt', 10, '9', 'U'],
  ['lt', 10, true, 'U'],
  ['lt', 'b', 'a', 'T'],
  ['lt', 'b', 'b', 'F'],
  ['lt', 'b', 1, 'U'],
  ['lt', '😀', '\uFFFD', 'T'],
  ['lt', '\uFFFD', '😀', 'F'],
  ['lt', 'ab', 'a', 'T'],
  ['lt', 10, absent, 'F'],
  ['lt', 10, null, 'F'],
  ['lte', 10, 10, 'T'],
  ['lte', 10, 10.1, 'F'],
  ['lte', 'b', 'b', 'T'],
  ['lte', 'b', 'ba', 'F'],
  ['lte', 10, [5], 'U'],
  ['lte', 10, absent, 'F'],
  ['gt', 10, 11, 'T'],
  ['gt', 10, 10, 'F'],
  ['gt', 'b', 'c', 'T'],
  ['gt', 'b', 'B', 'F'],
  ['gt', 9, '10', 'U'],
  ['gt', 10, absent, 'F'],
  ['gte', 10, 10, 'T'],
  ['gte', 10, 9, 'F'],
  ['gte', '10', '9', 'T'],
  ['gte', 10, {}, 'U'],
  ['gte', 0, null, 'F'],
  ['contains', 'b', 'abc', 'T'],
  ['contains', 'B', 'abc', 'F'],
  ['contains', 'aab', 'aaab', 'T'],
  ['contains', '', '', 'T'],
  ['contains', '.*', 'abc', 'F'],
  ['contains', 'b', ['b'], 'U'],
  ['contains', 'b', { b: 1 }, 'U'],
  ['contains', '1', 1, 'U'],
  ['contains', 'b', absent, 'F'],
  ['contains', 'b', `${long}b`, 'T'],
  ['not_contains', 'b', 'acd', 'T'],
  ['not_contains', 'b', 'abc', 'F'],
  ['not_contains', 'b', ['a'], 'U'],
  ['not_contains', 'b', 5, 'U'],
  ['not_contains', 'b', absent, 'F', 'T'],
  ['not_contains', 'b', null, 'F', 'T'],
  ['starts_with', 'ab', 'abc', 'T'],
  ['starts_with', 'ab', 'cab', 'F'],
  ['starts_with', 'ab', 'ABC', 'F'],
  ['starts_with', 'ab', ['abc'], 'U'],
  ['starts_with', 'a', absent, 'F'],
  ['ends_with', 'bc', 'abc', 'T'],
  ['ends_with', 'bc', 'bca', 'F'],
  ['ends_with', '1', 1, 'U'],
  ['ends_with', 'a', null, 'F'],
  ['matches', 'b+', 'abbc', 'T'],
  ['matches', '^b+$', 'abbc', 'F'],
  ['matches', '(?i)ABC', 'xabcx', 'T'],
  ['matches', '^.$', '😀', 'T'],
  ['matches', '\\bfoo\\b', 'a foo b', 'T'],
  ['matches', '\\bfoo\\b', 'afoob', 'F'],
  ['matches', '^$', '', 'T'],
  ['matches', 'a.b', 'a\nb', 'F'],
  ['matches', '(?m)^b$', 'a\nb\nc', 'T'],
  ['matches', '\\d{3}-\\d{4}$', 'call 555-1234', 'T'],
  ['matches', '\\pL', '漢', 'T'],
  ['matches', '[\\x{0}-\\x{10}]', '漢', 'F'],
  ['matches', 'a', 1, 'U'],
  ['matches', 'a', ['a'], 'U'],
  ['matches', 'a', absent, 'F'],
  ['matches', 'a', null, 'F'],
  ['matches', '^a+$', long, 'T'],
  ['matches', 'b', long, 'F'],
  ['matches', 'a', `${long}a`, 'U'],
  ['matches', 'é', 'é'.repeat(32_768), 'T'],
  ['matches', 'é', 'é'.repeat(32_769), 'U'],
  ['matches', '(a+)+$', `${long.slice(1)}!`, 'F'],
  ['exists', true, 'a', 'T'],
  ['exists', true, '', 'T'],
  ['exists', true, false, 'T'],
  ['exists', true, 0, 'T'],
  ['exists', true, [], 'T'],
  ['exists', true, null, 'F'],
  ['exists', true, absent, 'F'],
  ['exists', false, 'a', 'F'],
  ['exists', false, {}, 'F'],
  ['exists', false, null, 'T'],
  ['exists', false, absent, 'T'],
  ['length_lte', 3, 'abc', 'T'],
  ['length_lte', 3, 'abcd', 'F'],
  ['length_lte', 2, '😀😀', 'T'],
  ['length_lte', 1, '😀😀', 'F'],
  ['length_lte', 4, '\u{10000}\u{10FFFF}\uD7FF\uE000', 'T'],
  ['length_lte', 3, '\u{10000}\u{10FFFF}\uD7FF\uE000', 'F'],
  ['length_lte', 2, [1, 2], 'T'],
  ['length_lte', 2, [1, 2, 3], 'F'],
  ['length_lte', 2, 1, 'U'],
  ['length_lte', 2, {}, 'U'],
  ['length_lte', 2, absent, 'F'],
  ['length_lte', 0, '', 'T'],
  ['length_gte', 3, 'abc', 'T'],
  ['length_gte', 3, 'ab', 'F'],
  ['length_gte', 3, '😀😀', 'F'],
  ['length_gte', 2, '😀', 'F'],
  ['length_gte', 2, '😀😀', 'T'],
  ['length_gte', 1, [], 'F'],
  ['length_gte', 1, [null], 'T'],
  ['length_gte', 1, true, 'U'],
  ['length_gte', 0, null, 'F'],
  ['cidr', '10.0.0.0/8', '10.1.2.3', 'T'],
  ['cidr', '10.0.0.0/8', '11.0.0.1', 'F'],
  ['cidr', '10.0.0.0/31', '10.0.0.1', 'T'],
  ['cidr', '10.0.0.0/31', '10.0.0.2', 'F'],
  ['cidr', '0.0.0.0/0', '255.255.255.255', 'T'],
  ['cidr', '10.0.0.1', '10.0.0.1', 'T'],
  ['cidr', '10.0.0.1', '10.0.0.2', 'F'],
  ['cidr', '10.0.0.0/8', '::ffff:10.1.2.3', 'T'],
  ['cidr', '::ffff:10.0.0.0/104', '10.9.9.9', 'T'],
  ['cidr', '::ffff:10.0.0.0/104', '11.9.9.9', 'F'],
  ['cidr', '2001:db8::/32', '2001:DB8:1::1', 'T'],
  ['cidr', '2001:db8::/32', '2001:db9::1', 'F'],
  ['cidr', '::/0', '10.0.0.1', 'F'],
  ['cidr', ['10.0.0.0/8', '192.168.0.0/16'], '192.168.1.1', 'T'],
  ['cidr', ['10.0.0.0/8', '192.168.0.0/16'], '172.16.0.1', 'F'],
  ['cidr', '10.0.0.0/8', '10.1.2', 'U'],
  ['cidr', '10.0.0.0/8', '010.1.2.3', 'U'],
  ['cidr', '10.0.0.0/8', '0x0a010203', 'U'],
  ['cidr', '10.0.0.0/8', '167837955', 'U'],
  ['cidr', '10.0.0.0/8', 'localhost', 'U'],
  ['cidr', '10.0.0.0/8', ' 10.1.2.3', 'U'],
  ['cidr', '10.0.0.0/8', '10.1.2.3/8', 'U'],
  ['cidr', 'fe80::/10', 'fe80::1%eth0', 'U'],
  ['cidr', '10.0.0.0/8', '', 'U'],
  ['cidr', '10.0.0.0/8', 1, 'U'],
  ['cidr', '10.0.0.0/8', absent, 'F'],
];

const shown = (value: unknown): string =>
  value === absent ? 'nothing' : (JSON.stringify(value)?.slice(0, 30) ?? 'nothing');

const valueCases = valueRows.flatMap(([op, value, given, truth, inDenyIf = truth], index) => {
  const facts = { arguments: given === absent ? {} : { a: given } };
  return both(`${index} ${op} ${shown(value)} of ${shown(given)}`, { path: 'args.a', op, value }, facts, [
    truth,
    inDenyIf,
  ]);
});

/** What a path finds; the condition is `eq 1` unless the row says more. */
type PathRow = readonly [
  name: string,
  path: string,
  args: unknown,
  truths: readonly [require: Truth, denyIf: Truth],
  more?: Partial<Condition>,
];

const anything = { op: 'exists', value: false } as const;

const pathRows: readonly PathRow[] = [
  ['a nested argument', 'args.a.b', { a: { b: 1 } }, ['T', 'T']],
  ['a missing object on the way', 'args.a.b', {}, ['F', 'F']],
  ['null on the way', 'args.a.b', { a: null }, ['F', 'F']],
  ['no arguments at all', 'args.a.b', undefined, ['F', 'F']],
  ['null as arguments', 'args.a.b', null, ['F', 'F']],
  ['a text on the way', 'args.a.b', { a: 'b' }, ['U', 'U']],
  ['a number on the way', 'args.a.b', { a: 5 }, ['U', 'U']],
  ['an array on the way', 'args.a.b', { a: [{ b: 1 }] }, ['U', 'U']],
  ['the length of an array', 'args.a.length', { a: [0] }, ['U', 'U']],
  ['the length of a text', 'args.a.length', { a: 'x' }, ['U', 'U']],
  ['a text on the way, asked for what is not there', 'args.a.b', { a: 'b' }, ['U', 'U'], anything],
  ['arguments that are an array', 'args.a', [1], ['U', 'U']],
  ['arguments that are a text', 'args.a', 'a', ['U', 'U']],
  ['a place', 'args.a[1]', { a: [0, 1] }, ['T', 'T']],
  ['a place past the end', 'args.a[2]', { a: [0, 1] }, ['F', 'F']],
  ['a place past the end, asked for what is not there', 'args.a[2]', { a: [0, 1] }, ['T', 'T'], anything],
  ['a place of an object', 'args.a[0]', { a: { 0: 1 } }, ['U', 'U']],
  ['a place of a text', 'args.a[0]', { a: '1' }, ['U', 'U']],
  ['a place of a missing array', 'args.a[0]', {}, ['F', 'F']],
  ['a place in a place', 'args.a[0][1].b', { a: [[0, { b: 1 }]] }, ['T', 'T']],
  ['a key in another case', 'args.title', { Title: 1 }, ['U', 'U']],
  ['a key in another case, asked for what is not there', 'args.title', { TITLE: 2 }, ['U', 'U'], anything],
  ['a key and its twin in another case', 'args.title', { title: 1, Title: 2 }, ['U', 'U']],
  ['a key in another case on the way', 'args.a.b', { A: { b: 1 } }, ['U', 'U']],
  ['a key that differs by the Kelvin sign', 'args.k', { '\u212A': 1 }, ['U', 'U']],
  ['a key that differs by a long s', 'args.s', { '\u017F': 1 }, ['U', 'U']],
  ['a Greek key with another final sigma', 'args.ς', { σ: 1 }, ['U', 'U']],
  ['a key as long that is another', 'args.title', { tithe: 1, title: 1 }, ['T', 'T']],
  ['an accent that is not a matter of case', 'args.e', { é: 1, e: 1 }, ['T', 'T']],
  ['a key with other characters', 'args.a-b c/d', { 'a-b c/d': 1 }, ['T', 'T']],
  ['nothing inherited', 'args.constructor', {}, ['T', 'T'], anything],
  ['nothing from the prototype', 'args.__proto__', {}, ['T', 'T'], anything],
  ['an own key named __proto__', 'args.__proto__', JSON.parse('{"__proto__":1}') as unknown, ['T', 'T']],
  ['every element', 'args.a[*]', { a: [1, 1] }, ['T', 'T']],
  ['some element', 'args.a[*]', { a: [2, 1] }, ['F', 'T']],
  ['no element', 'args.a[*]', { a: [2, 3] }, ['F', 'F']],
  ['an empty array', 'args.a[*]', { a: [] }, ['F', 'F']],
  ['an empty array, asked for what is not there', 'args.a[*]', { a: [] }, ['F', 'F'], anything],
  ['an empty array, asked for another value', 'args.a[*]', { a: [] }, ['F', 'F'], { op: 'neq' }],
  ['a missing array', 'args.a[*]', {}, ['F', 'F']],
  ['a missing array, asked for what is not there', 'args.a[*]', {}, ['T', 'T'], anything],
  ['a missing array, asked for another value', 'args.a[*]', {}, ['F', 'T'], { op: 'neq' }],
  ['every element of an object', 'args.a[*]', { a: { b: 1 } }, ['U', 'U']],
  ['every element of a text', 'args.a[*]', { a: '1' }, ['U', 'U']],
  ['an element of another type beside one that holds', 'args.a[*]', { a: [1, '1'] }, ['U', 'T']],
  ['an element of another type before one that holds', 'args.a[*]', { a: ['1', 1] }, ['U', 'T']],
  ['an element of another type beside one that does not hold', 'args.a[*]', { a: ['1', 2] }, ['F', 'U']],
  ['a missing element beside one that holds', 'args.a[*]', { a: [null, 1] }, ['F', 'T']],
  ['a member of every element', 'args.a[*].b', { a: [{ b: 1 }, { b: 1 }] }, ['T', 'T']],
  ['a member of some element', 'args.a[*].b', { a: [{ b: 1 }, {}] }, ['F', 'T']],
  ['a member of an element that is a text', 'args.a[*].b', { a: ['b'] }, ['U', 'U']],
  ['every element of every element', 'args.a[*][*]', { a: [[1], [1, 1]] }, ['T', 'T']],
  ['every element, where one is empty', 'args.a[*][*]', { a: [[1], []] }, ['F', 'T']],
  ['every element of a member', 'args.a[*].b[*]', { a: [{ b: [2] }, { b: [2, 1] }] }, ['F', 'T']],
  ['the last of many elements', 'args.a[*]', { a: [...Array.from({ length: 5000 }, () => 1), 2] }, ['F', 'T']],
];

const pathCases = pathRows.flatMap(([name, path, args, truths, more]) =>
  both(`path: ${name}`, { path, op: 'eq', value: 1, ...more }, { arguments: args }, truths),
);

const identity = { id: 'idn_1', name: 'Ann', kind: 'human', attributes: { team: 'blue', level: 3, Region: 'eu' } };

type FactRow = readonly [path: string, op: Operator, value: Condition['value'], truth: Truth, facts?: Partial<Facts>];

const factRows: readonly FactRow[] = [
  ['identity.name', 'eq', 'Ann', 'T'],
  ['identity.name', 'matches', '^B', 'F'],
  ['identity.name', 'eq', 1, 'U'],
  ['identity.kind', 'in', ['human', 'service'], 'T'],
  ['identity.kind', 'eq', 'agent', 'F'],
  ['identity.attributes.team', 'eq', 'blue', 'T'],
  ['identity.attributes.level', 'gte', 4, 'F'],
  ['identity.attributes.level', 'eq', '3', 'U'],
  ['identity.attributes.groups[1]', 'eq', 'b', 'T', { identity: { ...identity, attributes: { groups: ['a', 'b'] } } }],
  ['identity.attributes.none', 'exists', false, 'T'],
  ['identity.attributes.region', 'eq', 'eu', 'U'],
  ['identity.attributes.team.lead', 'eq', 'x', 'U'],
  ['request.ip', 'cidr', '192.0.2.0/24', 'T', { sourceIp: '192.0.2.7' }],
  ['request.ip', 'cidr', '192.0.2.0/24', 'F', { sourceIp: '198.51.100.1' }],
  ['request.ip', 'cidr', '192.0.2.0/24', 'F', { sourceIp: undefined }],
  ['request.ip', 'exists', true, 'F', { sourceIp: undefined }],
  ['time.hour', 'eq', 0, 'T', { now: new Date('2026-01-01T00:59:59.999Z') }],
  ['time.hour', 'gte', 23, 'T', { now: new Date('2026-01-01T23:00:00Z') }],
  ['time.hour', 'lt', 9, 'F', { now: new Date('2026-01-01T09:00:00+00:00') }],
  ['time.hour', 'eq', '9', 'U', { now: new Date('2026-01-01T09:00:00Z') }],
  ['time.weekday', 'eq', 'thu', 'T', { now: new Date('2026-01-01T12:00:00Z') }],
  ['time.weekday', 'in', ['sat', 'sun'], 'F', { now: new Date('2026-01-02T23:59:59Z') }],
  ['time.weekday', 'in', ['sat', 'sun'], 'T', { now: new Date('2026-01-04T00:00:00Z') }],
  ['time.weekday', 'eq', 'mon', 'T', { now: new Date('2026-01-05T00:00:00Z') }],
];

const factCases = factRows.flatMap(([path, op, value, truth, more], index) =>
  both(`fact ${index}: ${path} ${op} ${shown(value)}`, { path, op, value }, { identity, ...more }, [truth, truth]),
);

const closed = (entry: ToolEntry, more: Partial<PolicyDocument> = {}): PolicyDocument => ({
  version: '1',
  default: 'deny',
  tools: { x: entry },
  ...more,
});
const is = (key: string, value: string | number | boolean): Condition => ({ path: `args.${key}`, op: 'eq', value });
const allowed = { effect: 'allow', code: 'allowed', rule: '/tools/x' } as const;
const refused = (rule: string, reason?: string) =>
  ({ effect: 'deny', code: 'argument_rule', rule, reserved: [], ...(reason === undefined ? {} : { reason }) }) as const;
const limits = [{ counter: 'c', window: 'minute', max: 1 }] as const;
const conditions = [is('a', 1), is('b', 2)];
const takes = (...wrong: readonly string[]): Partial<Facts> => ({ inputSchema: { validate: () => wrong } });

const ruleRows: readonly (readonly [
  name: string,
  document: PolicyDocument,
  facts: Partial<Facts>,
  expected: DecisionCase['expected'],
])[] = [
  [
    'a require of several holds when all do',
    closed({ require: [{ conditions }] }),
    { arguments: { a: 1, b: 2 } },
    allowed,
  ],
  [
    'a require of several fails by one',
    closed({ require: [{ conditions }] }),
    { arguments: { a: 1, b: 3 } },
    refused('/tools/x/require/0', 'x: the policy requires something else of args.a, args.b'),
  ],
  ['a require of none holds', closed({ require: [{ conditions: [] }] }), {}, allowed],
  ['an empty list of rules refuses nothing', closed({ require: [], deny_if: [] }), {}, allowed],
  [
    'every require must hold, and the first that does not is named',
    closed({ require: [is('a', 1), is('b', 2), is('c', 3)] }),
    { arguments: { a: 1 } },
    refused('/tools/x/require/1', 'x: the policy requires something else of args.b'),
  ],
  [
    'a deny_if of several refuses when none is false',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: 1, b: 2 } },
    refused('/tools/x/deny_if/0', 'x: the policy refuses this because of args.a, args.b'),
  ],
  [
    'a deny_if of several does not refuse when one is false',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: 1, b: 3 } },
    allowed,
  ],
  [
    'a deny_if refuses when one is true and one undecidable',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: 1, b: '2' } },
    refused('/tools/x/deny_if/0', "x: the policy has a rule on args.a, args.b that can't be judged for this call"),
  ],
  [
    'a deny_if refuses when all are undecidable',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: '1', b: '2' } },
    refused('/tools/x/deny_if/0'),
  ],
  [
    'a deny_if does not refuse when one is false after one undecidable',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: '1', b: 3 } },
    allowed,
  ],
  [
    'a deny_if does not refuse when one is false before one undecidable',
    closed({ deny_if: [{ conditions }] }),
    { arguments: { a: 2, b: '2' } },
    allowed,
  ],
  [
    'a require with one undecidable refuses, the others true',
    closed({ require: [{ conditions }] }),
    { arguments: { a: 1, b: '2' } },
    refused('/tools/x/require/0'),
  ],
  [
    'an empty list of conditions in a deny_if always refuses',
    closed({ deny_if: [{ conditions: [] }] }),
    {},
    refused('/tools/x/deny_if/0', 'x: the policy refuses this because of this tool'),
  ],
  [
    'the first deny_if that refuses is named',
    closed({ deny_if: [is('a', 2), is('b', 2), is('b', 2)] }),
    { arguments: { a: 1, b: 2 } },
    refused('/tools/x/deny_if/1'),
  ],
  [
    'on_deny of a require is told',
    closed({ reason: 'Entry', require: [{ ...is('a', 1), on_deny: 'Set a to 1' }] }),
    {},
    refused('/tools/x/require/0', 'Set a to 1'),
  ],
  [
    'on_deny of a require of several is told',
    closed({ require: [{ conditions, on_deny: 'Both' }] }),
    {},
    refused('/tools/x/require/0', 'Both'),
  ],
  [
    'on_deny of a deny_if is told',
    closed({ reason: 'Entry', deny_if: [{ conditions, on_deny: 'Not both' }] }),
    { arguments: { a: 1, b: 2 } },
    refused('/tools/x/deny_if/0', 'Not both'),
  ],
  [
    'on_deny is told for what is undecidable',
    closed({ deny_if: [{ ...is('a', 1), on_deny: 'No' }] }),
    { arguments: { a: '1' } },
    refused('/tools/x/deny_if/0', 'No'),
  ],
  [
    'the reason of the entry is told when a require has none',
    closed({ reason: 'Entry', require: [is('a', 1)] }),
    {},
    refused('/tools/x/require/0', 'Entry'),
  ],
  [
    'the reason of the entry is told when a deny_if has none',
    closed({ reason: 'Entry', deny_if: [{ conditions: [] }] }),
    {},
    refused('/tools/x/deny_if/0', 'Entry'),
  ],
  [
    'a reason names three paths at most',
    closed({ require: [{ conditions: ['a', 'b', 'c', 'd'].map((key) => is(key, 1)) }] }),
    {},
    refused('/tools/x/require/0', 'x: the policy requires something else of args.a, args.b, args.c and others'),
  ],
  [
    'a reason names a path once',
    closed({ deny_if: [{ conditions: [is('a', 1), { path: 'args.a', op: 'gt', value: 0 }] }] }),
    { arguments: { a: 1 } },
    refused('/tools/x/deny_if/0', 'x: the policy refuses this because of args.a'),
  ],
  [
    'deny_if comes before require',
    closed({ require: [is('a', 1)], deny_if: [is('b', 2)] }),
    { arguments: { b: 2 } },
    refused('/tools/x/deny_if/0'),
  ],
  [
    'deny_if of the entry comes before that for all tools',
    closed({ deny_if: [is('a', 1)] }, { all_tools: { deny_if: [is('a', 1)] } }),
    { arguments: { a: 1 } },
    refused('/tools/x/deny_if/0'),
  ],
  [
    'deny_if for all tools comes before require of the entry',
    closed({ require: [is('b', 1)] }, { all_tools: { deny_if: [is('a', 2), is('a', 1)] } }),
    { arguments: { a: 1 } },
    refused('/all_tools/deny_if/1'),
  ],
  [
    'require of the entry comes before that for all tools',
    closed({ require: [is('a', 1)] }, { all_tools: { require: [is('a', 1)] } }),
    {},
    refused('/tools/x/require/0'),
  ],
  [
    'require for all tools holds for an entry',
    closed({}, { all_tools: { require: [is('a', 1)] } }),
    {},
    refused('/all_tools/require/0', 'x: the policy requires something else of args.a'),
  ],
  [
    'a rule for all tools is told without the reason of the entry',
    closed({ reason: 'Entry' }, { all_tools: { require: [is('a', 1)] } }),
    {},
    refused('/all_tools/require/0', 'x: the policy requires something else of args.a'),
  ],
  [
    'on_deny for all tools is told',
    closed({}, { all_tools: { deny_if: [{ conditions: [], on_deny: 'Closed' }] } }),
    {},
    refused('/all_tools/deny_if/0', 'Closed'),
  ],
  [
    'deny_if for all tools holds for a tool without an entry',
    { version: '1', default: 'allow', all_tools: { deny_if: [is('a', 1)] } },
    { arguments: { a: 1 } },
    refused('/all_tools/deny_if/0'),
  ],
  [
    'require for all tools holds for a tool without an entry',
    { version: '1', default: 'allow', all_tools: { require: [is('a', 1)] } },
    {},
    refused('/all_tools/require/0'),
  ],
  [
    'not listed comes before deny_if for all tools',
    { version: '1', default: 'deny', all_tools: { deny_if: [{ conditions: [] }] } },
    {},
    { effect: 'deny', code: 'not_listed', rule: '/default' },
  ],
  [
    'action deny comes before deny_if',
    closed({ action: 'deny', deny_if: [{ conditions: [] }] }),
    {},
    { effect: 'deny', code: 'denied_by_rule', rule: '/tools/x/action' },
  ],
  [
    'hide comes before deny_if',
    closed({ deny_if: [{ conditions: [] }] }, { hide: ['x'] }),
    {},
    { effect: 'deny', code: 'hidden', rule: '/hide/0' },
  ],
  [
    'a require that fails reserves nothing',
    closed({ require: [is('a', 1)], limits }),
    {},
    refused('/tools/x/require/0'),
  ],
  [
    'a require that holds reserves the limits',
    closed({ require: [is('a', 1)], limits }),
    { arguments: { a: 1 } },
    { ...allowed, reserved: [{ ...limits[0], scope: 'grant', amount: 1, pointer: '/tools/x/limits/0' }] },
  ],
  [
    'rules of a pattern name its pointer',
    { version: '1', default: 'deny', tools: { 'x*/': {}, 'x*': { require: [is('a', 1)] } } },
    {},
    refused('/tools/x*/require/0'),
  ],
  [
    'client.name counts in a deny_if',
    closed({ deny_if: [{ path: 'client.name', op: 'eq', value: 'bad' }] }),
    { clientName: 'bad' },
    refused('/tools/x/deny_if/0', 'x: the policy refuses this because of client.name'),
  ],
  [
    'another client.name passes a deny_if',
    closed({ deny_if: [{ path: 'client.name', op: 'eq', value: 'bad' }] }),
    { clientName: 'good' },
    allowed,
  ],
  [
    'a client without a name is missing, not undecidable',
    closed({ deny_if: [{ path: 'client.name', op: 'neq', value: 'good' }] }),
    {},
    refused('/tools/x/deny_if/0'),
  ],
  ['arguments that fit the schema are allowed', closed({}, { check_arguments: true }), takes(), allowed],
  [
    'arguments that do not fit are refused and say where',
    closed({}, { check_arguments: true }),
    takes('/a', ''),
    {
      effect: 'deny',
      code: 'arguments_invalid',
      rule: '/check_arguments',
      reserved: [],
      reason: 'x: its input schema does not take these arguments; wrong: /a, /',
    },
  ],
  [
    'a tool without a known schema is refused under check_arguments',
    closed({}, { check_arguments: true }),
    {},
    {
      effect: 'deny',
      code: 'arguments_invalid',
      rule: '/check_arguments',
      reason: "x: its input schema is not known or can't be checked, so its arguments can't be either",
    },
  ],
  ['check_arguments false looks at no schema', closed({}, { check_arguments: false }), takes('/a'), allowed],
  ['without check_arguments no schema is looked at', closed({}), takes('/a'), allowed],
  [
    'check_arguments holds for a tool without an entry',
    { version: '1', default: 'allow', check_arguments: true },
    takes('/a'),
    { effect: 'deny', code: 'arguments_invalid', rule: '/check_arguments' },
  ],
  [
    'require comes before check_arguments',
    closed({}, { check_arguments: true, all_tools: { require: [is('a', 1)] } }),
    takes('/a'),
    refused('/all_tools/require/0'),
  ],
  [
    'check_arguments comes before limits',
    closed({ limits: [{ ...limits[0], increment_from: 'args.n' }] }, { check_arguments: true }),
    takes('/a'),
    { effect: 'deny', code: 'arguments_invalid', rule: '/check_arguments' },
  ],
  [
    'monitor allows what deny_if refuses and says what would be',
    closed({ deny_if: [{ conditions: [] }] }, { mode: 'monitor' }),
    {},
    { ...allowed, reserved: [], would: { effect: 'deny', code: 'argument_rule', rule: '/tools/x/deny_if/0' } },
  ],
  [
    'monitor allows what require refuses and says what would be',
    closed({ require: [is('a', 1)] }, { mode: 'monitor' }),
    {},
    { ...allowed, would: { effect: 'deny', code: 'argument_rule', rule: '/tools/x/require/0' } },
  ],
  [
    'monitor allows what check_arguments refuses and says what would be',
    closed({}, { mode: 'monitor', check_arguments: true }),
    takes(''),
    { ...allowed, would: { effect: 'deny', code: 'arguments_invalid', rule: '/check_arguments' } },
  ],
  [
    'a call that costs too much to judge is refused',
    closed({ deny_if: [{ path: 'args.a[*][*]', op: 'eq', value: 2 }] }),
    { arguments: { a: Array.from({ length: 400 }, () => Array.from({ length: 400 }, () => 1)) } },
    refused('/tools/x/deny_if/0', "x: the policy has a rule on args.a[*][*] that can't be judged for this call"),
  ],
];

const ruleCases = ruleRows.map(([name, document, facts, expected]): DecisionCase => ({
  name,
  document,
  facts: { tool: 'x', ...facts },
  expected,
}));

export const argumentCases: readonly DecisionCase[] = [...ruleCases, ...valueCases, ...pathCases, ...factCases];
