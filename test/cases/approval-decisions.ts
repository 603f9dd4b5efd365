import type { PolicyDocument, ToolEntry } from '../../src/policy-engine/document.js';
import type { ApprovalTerms } from '../../src/policy-engine/facts.js';
import type { DecisionCase } from './decisions.js';

const asking = (more: ToolEntry = {}, around: Partial<PolicyDocument> = {}): PolicyDocument => ({
  version: '1',
  default: 'deny',
  tools: { merge: { action: 'require_approval', ...more } },
  ...around,
});
const usual: ApprovalTerms = { expiresInSeconds: 3600, waitSeconds: 20, count: 1 };
const held = (approval: ApprovalTerms = usual) =>
  ({ effect: 'hold', code: 'approval_required', rule: '/tools/merge/action', approval, reserved: [] }) as const;
const limit = { counter: 'merges', window: 'day', max: 5 } as const;
const reserved = { ...limit, scope: 'grant', amount: 1, pointer: '/tools/merge/limits/0' } as const;
const merge = { tool: 'merge' } as const;
const approved = { tool: 'merge', approved: true } as const;
const schema = { validate: () => ['/x'] };

export const approvalCases: readonly DecisionCase[] = [
  {
    name: 'require_approval holds a call for an hour, one person and twenty seconds of waiting',
    document: asking(),
    facts: merge,
    expected: { ...held(), reason: "merge needs a person's approval" },
  },
  {
    name: 'the reason of the entry is told when it holds',
    document: asking({ reason: 'Merging needs a human' }),
    facts: merge,
    expected: { ...held(), reason: 'Merging needs a human' },
  },
  {
    name: 'an entry says how it holds',
    document: asking({ approval: { expires_in: 60, wait: 0, count: 2 } }),
    facts: merge,
    expected: held({ expiresInSeconds: 60, waitSeconds: 0, count: 2 }),
  },
  {
    name: 'the document says how its entries hold',
    document: asking({}, { approval: { expires_in: 60, wait: 5 } }),
    facts: merge,
    expected: held({ expiresInSeconds: 60, waitSeconds: 5, count: 1 }),
  },
  {
    name: 'the entry goes before the document, key by key',
    document: asking({ approval: { wait: 1 } }, { approval: { expires_in: 60, wait: 5, count: 3 } }),
    facts: merge,
    expected: held({ expiresInSeconds: 60, waitSeconds: 1, count: 3 }),
  },
  {
    name: 'an approved call is allowed and reserves its limits',
    document: asking({ limits: [limit] }),
    facts: approved,
    expected: { effect: 'allow', code: 'allowed', rule: '/tools/merge', reserved: [reserved] },
  },
  { name: 'a held call reserves nothing', document: asking({ limits: [limit] }), facts: merge, expected: held() },
  {
    name: 'an approved call that spends a wrong amount is refused',
    document: asking({ limits: [{ ...limit, increment_from: 'args.n' }] }),
    facts: approved,
    expected: { effect: 'deny', code: 'argument_rule', rule: '/tools/merge/limits/0', reserved: [] },
  },
  {
    name: 'a wrong amount is seen after the approval',
    document: asking({ limits: [{ ...limit, increment_from: 'args.n' }] }),
    facts: merge,
    expected: held(),
  },
  {
    name: 'deny_if goes before approval',
    document: asking({ deny_if: [{ conditions: [] }] }),
    facts: merge,
    expected: { effect: 'deny', code: 'argument_rule', rule: '/tools/merge/deny_if/0' },
  },
  {
    name: 'deny_if goes before approval, also for an approved call',
    document: asking({ deny_if: [{ conditions: [] }] }),
    facts: approved,
    expected: { effect: 'deny', code: 'argument_rule', rule: '/tools/merge/deny_if/0' },
  },
  {
    name: 'require for all tools goes before approval',
    document: asking({}, { all_tools: { require: [{ path: 'args.n', op: 'exists', value: true }] } }),
    facts: merge,
    expected: { effect: 'deny', code: 'argument_rule', rule: '/all_tools/require/0' },
  },
  {
    name: 'check_arguments goes before approval',
    document: asking({}, { check_arguments: true }),
    facts: { ...merge, inputSchema: schema },
    expected: { effect: 'deny', code: 'arguments_invalid', rule: '/check_arguments' },
  },
  {
    name: 'limits for all tools go after approval',
    document: asking({}, { all_tools: { limits: [limit] } }),
    facts: approved,
    expected: {
      effect: 'allow',
      code: 'allowed',
      rule: '/tools/merge',
      reserved: [{ ...reserved, pointer: '/all_tools/limits/0' }],
    },
  },
  {
    name: 'hide goes before approval',
    document: asking({}, { hide: ['merge'] }),
    facts: approved,
    expected: { effect: 'deny', code: 'hidden', rule: '/hide/0' },
  },
  {
    name: 'a pattern that needs approval holds what it matches',
    document: { version: '1', default: 'allow', tools: { 'merge_*': { action: 'require_approval' } } },
    facts: { tool: 'merge_x' },
    expected: {
      effect: 'hold',
      code: 'approval_required',
      rule: '/tools/merge_*/action',
      reason: "merge_x needs a person's approval",
    },
  },
  {
    name: 'an exact entry that allows wins over a pattern that needs approval',
    document: { version: '1', default: 'deny', tools: { '*': { action: 'require_approval' }, merge: {} } },
    facts: merge,
    expected: { effect: 'allow', code: 'allowed', rule: '/tools/merge' },
  },
  {
    name: 'of two patterns as long one that denies wins over one that needs approval',
    document: {
      version: '1',
      default: 'deny',
      tools: { '*e': { action: 'require_approval' }, 'm*': { action: 'deny' } },
    },
    facts: merge,
    expected: { effect: 'deny', code: 'denied_by_rule', rule: '/tools/m*/action' },
  },
  {
    name: 'of two patterns as long one that needs approval wins over one that allows',
    document: { version: '1', default: 'deny', tools: { '*e': {}, 'm*': { action: 'require_approval' } } },
    facts: merge,
    expected: { effect: 'hold', code: 'approval_required', rule: '/tools/m*/action' },
  },
  {
    name: 'approval given to a call that needs none changes nothing',
    document: { version: '1', default: 'deny' },
    facts: approved,
    expected: { effect: 'deny', code: 'not_listed', rule: '/default' },
  },
  {
    name: 'monitor holds nothing and says what would be',
    document: asking({ limits: [limit] }, { mode: 'monitor' }),
    facts: merge,
    expected: {
      effect: 'allow',
      code: 'allowed',
      rule: '/tools/merge',
      reserved: [],
      would: { effect: 'hold', code: 'approval_required', rule: '/tools/merge/action' },
    },
  },
];
