import type { Decision, Facts } from '../../src/policy-engine/decide.js';
import type { LimitRule, PolicyDocument, ToolEntry } from '../../src/policy-engine/document.js';
import { approvalCases } from './approval-decisions.js';
import { argumentCases } from './argument-decisions.js';

/**
 * `reserved` is what an allow reserves, without whom it counts for: ids differ between the levels that run this table.
 * A row without `would` has none.
 */
export type DecisionCase = Readonly<{
  name: string;
  document: PolicyDocument;
  facts: Readonly<{ tool: string; arguments?: unknown } & Partial<Facts>>;
  expected: Readonly<
    Pick<Decision, 'effect' | 'code' | 'rule'> &
      Partial<Pick<Decision, 'reason' | 'would' | 'approval'>> & {
        reserved?: readonly Readonly<
          Pick<LimitRule, 'counter' | 'window' | 'max'> & { scope: string; amount: number; pointer: string }
        >[];
      }
  >;
}>;

const closed = (tools: Readonly<Record<string, ToolEntry>>, more: Partial<PolicyDocument> = {}): PolicyDocument => ({
  version: '1',
  default: 'deny',
  tools,
  ...more,
});
const open = (tools: Readonly<Record<string, ToolEntry>>, more: Partial<PolicyDocument> = {}): PolicyDocument =>
  closed(tools, { default: 'allow', ...more });
const plainData = (json: string): PolicyDocument => JSON.parse(json) as PolicyDocument;

const tenAMinute: LimitRule = { counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' };

/** The policy that product.md recommends for `cancel_job`. */
export const runningExample: PolicyDocument = closed({ cancel_job: { limits: [tenAMinute] } });

const reservedTen = { ...tenAMinute, scope: 'grant', amount: 1, pointer: '/tools/cancel_job/limits/0' };
const spend: LimitRule = { counter: 'money', window: 'day', max: 100, increment_from: 'args.amount' };
const refusedSpend = {
  effect: 'deny',
  code: 'argument_rule',
  rule: '/tools/pay/limits/0',
  reason: 'pay: args.amount must be a number, 0 or more',
  reserved: [],
} as const;
const allowed = (rule: string) => ({ effect: 'allow', code: 'allowed', rule }) as const;
const denied = (rule: string) => ({ effect: 'deny', code: 'denied_by_rule', rule, reserved: [] }) as const;
const notListed = { effect: 'deny', code: 'not_listed', rule: '/default', reserved: [] } as const;
const hidden = (rule: string) => ({ effect: 'deny', code: 'hidden', rule, reserved: [] }) as const;

export const decisionCases: readonly DecisionCase[] = [
  {
    name: 'a limited tool is allowed and reserves its limit',
    document: runningExample,
    facts: { tool: 'cancel_job' },
    expected: { ...allowed('/tools/cancel_job'), reserved: [reservedTen] },
  },
  {
    name: 'an unlisted tool is refused under default deny',
    document: runningExample,
    facts: { tool: 'list_issues' },
    expected: { ...notListed, reason: 'list_issues is not allowed by this policy' },
  },
  { name: 'case counts in names', document: runningExample, facts: { tool: 'Cancel_job' }, expected: notListed },
  {
    name: 'an unlisted tool is allowed under default allow',
    document: open({}),
    facts: { tool: 'list_issues' },
    expected: { ...allowed('/default'), reserved: [] },
  },
  {
    name: 'a document without tools allows by its default',
    document: { version: '1', default: 'allow' },
    facts: { tool: 'x' },
    expected: allowed('/default'),
  },
  {
    name: 'an empty entry allows',
    document: closed({ x: {} }),
    facts: { tool: 'x' },
    expected: { ...allowed('/tools/x'), reserved: [] },
  },
  {
    name: 'action deny refuses',
    document: open({ delete_group: { action: 'deny' } }),
    facts: { tool: 'delete_group' },
    expected: { ...denied('/tools/delete_group/action'), reason: 'delete_group is denied by policy' },
  },
  {
    name: 'the reason of a denying entry is told',
    document: open({ x: { action: 'deny', reason: 'Never from an agent' } }),
    facts: { tool: 'x' },
    expected: { ...denied('/tools/x/action'), reason: 'Never from an agent' },
  },
  {
    name: 'a denied tool reserves nothing, its limits notwithstanding',
    document: open({ x: { action: 'deny', limits: [tenAMinute] } }),
    facts: { tool: 'x' },
    expected: denied('/tools/x/action'),
  },
  {
    name: 'a denying pattern refuses with the reason for the called tool',
    document: open({ 'delete_*': { action: 'deny' } }),
    facts: { tool: 'delete_tag' },
    expected: { ...denied('/tools/delete_*/action'), reason: 'delete_tag is denied by policy' },
  },
  {
    name: 'hide wins over an entry that allows',
    document: open({ x: {} }, { hide: ['x'] }),
    facts: { tool: 'x' },
    expected: { ...hidden('/hide/0'), reason: 'x is not allowed by this policy' },
  },
  {
    name: 'hide wins over an entry that denies, and its reason stays unsaid',
    document: open({ x: { action: 'deny', reason: 'secret' } }, { hide: ['y', 'x'] }),
    facts: { tool: 'x' },
    expected: { ...hidden('/hide/1'), reason: 'x is not allowed by this policy' },
  },
  {
    name: 'hide wins over not listed',
    document: closed({}, { hide: ['x'] }),
    facts: { tool: 'x' },
    expected: hidden('/hide/0'),
  },
  {
    name: 'hide takes patterns and names the first that matches',
    document: open({}, { hide: ['a*', '*_b', 'a_b'] }),
    facts: { tool: 'a_b' },
    expected: hidden('/hide/0'),
  },
  {
    name: 'a tool that hide does not match is judged as usual',
    document: open({}, { hide: ['a*'] }),
    facts: { tool: 'b' },
    expected: allowed('/default'),
  },
  {
    name: 'a pattern matches an empty run',
    document: closed({ 'list_*': {} }),
    facts: { tool: 'list_' },
    expected: allowed('/tools/list_*'),
  },
  {
    name: 'a pattern matches any run',
    document: closed({ '*_issue*': {} }),
    facts: { tool: 'list_issues' },
    expected: allowed('/tools/*_issue*'),
  },
  {
    name: 'a pattern matches whole names only',
    document: closed({ 'list_*': {} }),
    facts: { tool: 'relist_x' },
    expected: notListed,
  },
  {
    name: 'the ends of a pattern may not overlap',
    document: closed({ 'aba*aba': {} }),
    facts: { tool: 'ababa' },
    expected: notListed,
  },
  { name: 'a dot in a pattern is a dot', document: closed({ 'a.*': {} }), facts: { tool: 'abc' }, expected: notListed },
  {
    name: 'an exact name wins over a pattern',
    document: closed({ 'list_*': { action: 'deny' }, list_jobs: {} }),
    facts: { tool: 'list_jobs' },
    expected: allowed('/tools/list_jobs'),
  },
  {
    name: 'a pattern with more characters wins',
    document: closed({ '*': { action: 'deny' }, 'list_*': {}, 'l*': { action: 'deny' } }),
    facts: { tool: 'list_jobs' },
    expected: allowed('/tools/list_*'),
  },
  {
    name: 'stars do not count as characters',
    document: closed({ '**l**': { action: 'deny' }, 'li*': {} }),
    facts: { tool: 'list' },
    expected: allowed('/tools/li*'),
  },
  {
    name: 'an astral character counts as one',
    document: closed({ '😀*': { action: 'deny' }, '*ab': {} }),
    facts: { tool: '😀ab' },
    expected: allowed('/tools/*ab'),
  },
  {
    name: 'of two patterns as long the stricter wins',
    document: closed({ '*z': {}, 'a*': { action: 'deny' } }),
    facts: { tool: 'a_z' },
    expected: denied('/tools/a*/action'),
  },
  {
    name: 'of two patterns as long and as strict the first by code point wins',
    document: closed({ 'a*': {}, '*z': {} }),
    facts: { tool: 'a_z' },
    expected: allowed('/tools/*z'),
  },
  {
    name: 'code points, not UTF-16 units, order patterns',
    document: closed({ '*😀*': {}, '*\uFFFD*': {} }),
    facts: { tool: '\uFFFD😀' },
    expected: allowed('/tools/*\uFFFD*'),
  },
  {
    name: 'the winning entry alone applies',
    document: closed({ 'list_*': { limits: [tenAMinute] }, list_jobs: {} }),
    facts: { tool: 'list_jobs' },
    expected: { ...allowed('/tools/list_jobs'), reserved: [] },
  },
  {
    name: 'slash and tilde are escaped in pointers',
    document: closed({ 'a/b~c': {} }),
    facts: { tool: 'a/b~c' },
    expected: allowed('/tools/a~1b~0c'),
  },
  {
    name: 'a tool named __proto__ is plain data',
    document: plainData('{"version":"1","default":"allow","tools":{"__proto__":{"action":"deny"}}}'),
    facts: { tool: '__proto__' },
    expected: denied('/tools/__proto__/action'),
  },
  {
    name: 'a tool named constructor is not found by accident',
    document: closed({}),
    facts: { tool: 'constructor' },
    expected: notListed,
  },
  {
    name: 'a tool named toString is not found by accident',
    document: closed({ x: {} }),
    facts: { tool: 'toString' },
    expected: notListed,
  },
  {
    name: 'a tool name over 256 characters is malformed',
    document: open({}),
    facts: { tool: 'x'.repeat(257) },
    expected: { effect: 'deny', code: 'malformed', rule: null, reserved: [] },
  },
  {
    name: 'a tool name of 256 characters is judged',
    document: open({}),
    facts: { tool: 'x'.repeat(256) },
    expected: allowed('/default'),
  },
  {
    name: 'scope defaults to grant',
    document: closed({ x: { limits: [{ counter: 'c', window: 60, max: 2 }] } }),
    facts: { tool: 'x' },
    expected: {
      ...allowed('/tools/x'),
      reserved: [{ counter: 'c', window: 60, max: 2, scope: 'grant', amount: 1, pointer: '/tools/x/limits/0' }],
    },
  },
  {
    name: 'rate_limit reserves a counter private to its entry',
    document: closed({ 'a/*': { rate_limit: { max: 30, window: 3600 } } }),
    facts: { tool: 'a/b' },
    expected: {
      ...allowed('/tools/a~1*'),
      reserved: [
        {
          counter: 'rate_limit:/tools/a~1*',
          window: 3600,
          max: 30,
          scope: 'grant',
          amount: 1,
          pointer: '/tools/a~1*/rate_limit',
        },
      ],
    },
  },
  {
    name: 'limits for all tools apply to a tool without an entry',
    document: open({}, { all_tools: { limits: [{ counter: 'calls', window: 'hour', max: 5, scope: 'server' }] } }),
    facts: { tool: 'x' },
    expected: {
      ...allowed('/default'),
      reserved: [
        { counter: 'calls', window: 'hour', max: 5, scope: 'server', amount: 1, pointer: '/all_tools/limits/0' },
      ],
    },
  },
  {
    name: 'an entry reserves its limits, its rate_limit, then those for all tools',
    document: closed(
      {
        x: { rate_limit: { max: 1, window: 1 }, limits: [{ counter: 'a', window: 'day', max: 0, scope: 'identity' }] },
      },
      { all_tools: { limits: [{ counter: 'b', window: 'month', max: 9, scope: 'organization' }] } },
    ),
    facts: { tool: 'x' },
    expected: {
      ...allowed('/tools/x'),
      reserved: [
        { counter: 'a', window: 'day', max: 0, scope: 'identity', amount: 1, pointer: '/tools/x/limits/0' },
        {
          counter: 'rate_limit:/tools/x',
          window: 1,
          max: 1,
          scope: 'grant',
          amount: 1,
          pointer: '/tools/x/rate_limit',
        },
        { counter: 'b', window: 'month', max: 9, scope: 'organization', amount: 1, pointer: '/all_tools/limits/0' },
      ],
    },
  },
  {
    name: 'increment_from spends the argument',
    document: closed({ pay: { limits: [spend] } }),
    facts: { tool: 'pay', arguments: { amount: 12.5 } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 100, scope: 'grant', amount: 12.5, pointer: '/tools/pay/limits/0' },
      ],
    },
  },
  {
    name: 'spending nothing is allowed',
    document: closed({ pay: { limits: [spend] } }),
    facts: { tool: 'pay', arguments: { amount: 0 } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 100, scope: 'grant', amount: 0, pointer: '/tools/pay/limits/0' },
      ],
    },
  },
  {
    name: 'increment_from reads nested values and places of arrays',
    document: closed({ pay: { limits: [{ ...spend, increment_from: 'args.items[1].price' }] } }),
    facts: { tool: 'pay', arguments: { items: [{}, { price: 7 }] } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 100, scope: 'grant', amount: 7, pointer: '/tools/pay/limits/0' },
      ],
    },
  },
  ...[
    ['a missing argument', {}],
    ['no arguments', undefined],
    ['a null argument', { amount: null }],
    ['a numeric string', { amount: '5' }],
    ['a negative number', { amount: -1 }],
    ['an infinite number', { amount: Number.POSITIVE_INFINITY }],
    ['an array', { amount: [5] }],
    ['a number beside one under a name that differs only in case', { amount: 0, Amount: 5000 }],
    ['a name in another case', { Amount: 5 }],
    ['arguments that are an array', [5]],
  ].map(([what, args]): DecisionCase => ({
    name: `increment_from refuses ${String(what)}`,
    document: closed({ pay: { limits: [spend] } }),
    facts: { tool: 'pay', arguments: args },
    expected: refusedSpend,
  })),
  {
    name: 'a refusal leaves nothing reserved, not even the limits before it',
    document: closed({ pay: { limits: [tenAMinute, spend] } }),
    facts: { tool: 'pay', arguments: {} },
    expected: { ...refusedSpend, rule: '/tools/pay/limits/1' },
  },
  {
    name: 'increment_from takes no inherited number',
    document: closed({ pay: { limits: [spend] } }),
    facts: { tool: 'pay', arguments: Object.create({ amount: 5 }) as unknown },
    expected: refusedSpend,
  },
  {
    name: 'increment_from finds nothing inherited',
    document: closed({ pay: { limits: [{ ...spend, increment_from: 'args.toString.length' }] } }),
    facts: { tool: 'pay', arguments: {} },
    expected: { ...refusedSpend, reason: 'pay: args.toString.length must be a number, 0 or more' },
  },
  {
    name: 'increment_from does not take the length of an array',
    document: closed({ pay: { limits: [{ ...spend, increment_from: 'args.items.length' }] } }),
    facts: { tool: 'pay', arguments: { items: [1] } },
    expected: { ...refusedSpend, reason: 'pay: args.items.length must be a number, 0 or more' },
  },
  {
    name: 'increment_from does not read an object by place',
    document: closed({ pay: { limits: [{ ...spend, increment_from: 'args.items[0]' }] } }),
    facts: { tool: 'pay', arguments: { items: { 0: 1 } } },
    expected: { ...refusedSpend, reason: 'pay: args.items[0] must be a number, 0 or more' },
  },
  {
    name: 'on_deny is told when the argument to spend is wrong',
    document: closed({ pay: { reason: 'Entry', limits: [{ ...spend, on_deny: 'State an amount' }] } }),
    facts: { tool: 'pay', arguments: {} },
    expected: { ...refusedSpend, reason: 'State an amount' },
  },
  {
    name: 'the reason of the entry is told when the limit has none',
    document: closed({ pay: { reason: 'Entry', limits: [spend] } }),
    facts: { tool: 'pay', arguments: {} },
    expected: { ...refusedSpend, reason: 'Entry' },
  },
  {
    name: 'an argument to spend for all tools is named by its own pointer, without the reason of the entry',
    document: closed({ pay: { reason: 'Entry' } }, { all_tools: { limits: [spend] } }),
    facts: { tool: 'pay', arguments: {} },
    expected: { ...refusedSpend, rule: '/all_tools/limits/0' },
  },
  {
    name: 'one call adds once to a counter, its largest amount, and each limit keeps its own max',
    document: closed(
      {
        pay: {
          limits: [
            { ...spend, max: 50 },
            { counter: 'money', window: 'day', max: 3, scope: 'grant' },
          ],
        },
      },
      {
        all_tools: {
          limits: [
            { counter: 'money', window: 'day', max: 9 },
            { counter: 'money', window: 'hour', max: 9 },
            { counter: 'money', window: 'day', max: 9, scope: 'server' },
          ],
        },
      },
    ),
    facts: { tool: 'pay', arguments: { amount: 20 } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 50, scope: 'grant', amount: 20, pointer: '/tools/pay/limits/0' },
        { counter: 'money', window: 'day', max: 3, scope: 'grant', amount: 20, pointer: '/tools/pay/limits/1' },
        { counter: 'money', window: 'day', max: 9, scope: 'grant', amount: 20, pointer: '/all_tools/limits/0' },
        { counter: 'money', window: 'hour', max: 9, scope: 'grant', amount: 1, pointer: '/all_tools/limits/1' },
        { counter: 'money', window: 'day', max: 9, scope: 'server', amount: 1, pointer: '/all_tools/limits/2' },
      ],
    },
  },
  {
    name: 'an entry and all tools share a counter',
    document: closed(
      { pay: { limits: [spend] } },
      { all_tools: { limits: [{ counter: 'money', window: 'day', max: 9 }] } },
    ),
    facts: { tool: 'pay', arguments: { amount: 20 } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 100, scope: 'grant', amount: 20, pointer: '/tools/pay/limits/0' },
        { counter: 'money', window: 'day', max: 9, scope: 'grant', amount: 20, pointer: '/all_tools/limits/0' },
      ],
    },
  },
  {
    name: 'a named window and as many seconds are two counters',
    document: closed({
      pay: {
        limits: [
          { ...spend, window: 'day' },
          { counter: 'money', window: 86_400, max: 3 },
        ],
      },
    }),
    facts: { tool: 'pay', arguments: { amount: 20 } },
    expected: {
      ...allowed('/tools/pay'),
      reserved: [
        { counter: 'money', window: 'day', max: 100, scope: 'grant', amount: 20, pointer: '/tools/pay/limits/0' },
        { counter: 'money', window: 86_400, max: 3, scope: 'grant', amount: 1, pointer: '/tools/pay/limits/1' },
      ],
    },
  },
  {
    name: 'monitor allows a denied tool and says what would be',
    document: open({ x: { action: 'deny' } }, { mode: 'monitor' }),
    facts: { tool: 'x' },
    expected: {
      ...allowed('/tools/x'),
      would: { effect: 'deny', code: 'denied_by_rule', rule: '/tools/x/action' },
      reserved: [],
    },
  },
  {
    name: 'monitor allows a hidden tool and says what would be',
    document: closed({}, { mode: 'monitor', hide: ['x'] }),
    facts: { tool: 'x' },
    expected: { ...allowed('/default'), would: { effect: 'deny', code: 'hidden', rule: '/hide/0' } },
  },
  {
    name: 'monitor allows an unlisted tool and says what would be',
    document: closed({}, { mode: 'monitor' }),
    facts: { tool: 'x' },
    expected: { ...allowed('/default'), would: { effect: 'deny', code: 'not_listed', rule: '/default' } },
  },
  {
    name: 'monitor allows a wrong argument to spend and says what would be',
    document: closed({ pay: { limits: [spend] } }, { mode: 'monitor' }),
    facts: { tool: 'pay' },
    expected: {
      ...allowed('/tools/pay'),
      would: { effect: 'deny', code: 'argument_rule', rule: '/tools/pay/limits/0' },
      reserved: [],
    },
  },
  {
    name: 'monitor keeps reservations and adds nothing when nothing would be refused',
    document: { ...runningExample, mode: 'monitor' },
    facts: { tool: 'cancel_job' },
    expected: { ...allowed('/tools/cancel_job'), reserved: [reservedTen] },
  },
  {
    name: 'monitor still refuses a malformed name',
    document: open({}, { mode: 'monitor' }),
    facts: { tool: 'x'.repeat(257) },
    expected: { effect: 'deny', code: 'malformed', rule: null },
  },
  ...argumentCases,
  ...approvalCases,
];
