import type { Attack } from './attack.js';

/** Attacks and accidents that do harm by how often, or how much. */
export const ATTACKS_BY_VOLUME: readonly Attack[] = [
  {
    slug: 'runaway-loop',
    title: 'Runaway loop',
    summary: 'An agent repeats a call as fast as it can.',
    how: [
      'An agent does not see that its call worked, or tries every job of a pipeline in turn. A person would stop ' +
        'after three; the agent makes three hundred in a minute.',
    ],
    stops: [
      'A limit lets ten calls a minute through for each grant. The eleventh is refused with the seconds to wait, and ' +
        'the agent reads them. The count is exact across all gateways.',
    ],
    leaves: ['Windows are fixed: around the turn of a minute, up to twice as many calls may pass.'],
    categories: ['Read', 'Write', 'Execute'],
    tools: [{ name: 'cancel_job', description: 'Cancels a job.', arguments: ['project', 'job'] }],
    policy: {
      version: '1',
      default: 'deny',
      tools: {
        cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] },
      },
    },
    trial: [
      { call: 'cancel_job', arguments: { job: 1 }, times: 10, effect: 'allow', code: 'allowed' },
      { call: 'cancel_job', arguments: { job: 11 }, effect: 'deny', code: 'rate_limited' },
    ],
  },
  {
    slug: 'mass-deletion',
    title: 'Mass deletion',
    summary: 'An agent tidies up, and everything is gone.',
    how: [
      'Asked to clean up old branches, an agent deletes those that it takes for old. The server has a tool for each ' +
        'kind of thing, and no way back for any of them.',
    ],
    stops: [
      'A pattern refuses every tool whose name begins with delete, also those that a later release adds. The one ' +
        'that is wanted has an entry of its own, which wins: not for protected branches, and five an hour.',
      'The worst tool is hidden, so that no agent plans with it.',
    ],
    leaves: ['Tools that delete under another name need an entry too. The catalog says which they are.'],
    categories: ['Destructive'],
    tools: [
      { name: 'delete_branch', description: 'Deletes a branch.', arguments: ['branch'] },
      { name: 'delete_project', description: 'Deletes a project.', arguments: ['project'] },
      { name: 'delete_group', description: 'Deletes a group.', arguments: ['group'] },
    ],
    policy: {
      version: '1',
      default: 'deny',
      hide: ['delete_group'],
      tools: {
        'delete_*': { action: 'deny', reason: 'Deleting is for people' },
        delete_branch: {
          deny_if: [
            { path: 'args.branch', op: 'in', value: ['main', 'production'], on_deny: 'This branch is protected' },
          ],
          limits: [{ counter: 'delete_branch_rate', window: 'hour', max: 5, scope: 'grant' }],
        },
      },
    },
    trial: [
      { list: ['delete_branch', 'delete_project'] },
      { call: 'delete_branch', arguments: { branch: 'main' }, effect: 'deny', code: 'argument_rule' },
      { call: 'delete_branch', arguments: { branch: 'old' }, times: 5, effect: 'allow', code: 'allowed' },
      { call: 'delete_branch', arguments: { branch: 'older' }, effect: 'deny', code: 'rate_limited' },
      { call: 'delete_project', arguments: { project: 'shop' }, effect: 'deny', code: 'denied_by_rule' },
      { call: 'delete_group', arguments: { group: 'all' }, effect: 'deny', code: 'hidden' },
    ],
  },
  {
    slug: 'spend-drain',
    title: 'Spend drain',
    summary: 'Many small payments add up to a large one.',
    how: [
      'Each refund is small enough to pass. An agent that loops, or that somebody steers, makes hundreds of them ' +
        'before anybody reads the account.',
    ],
    stops: [
      'The limit counts the amount instead of the calls: at most 100 a day for the whole server, whichever grant ' +
        'spends it. A call that does not fit is refused whole, and a smaller one may still pass.',
      'An amount that is not a number is refused, so that text cannot slip past the count.',
    ],
    leaves: ['The limit knows no currencies. Name the one that you mean in a rule of its own.'],
    categories: ['Financial'],
    tools: [{ name: 'create_refund', description: 'Refunds an order.', arguments: ['order', 'amount'] }],
    policy: {
      version: '1',
      default: 'deny',
      tools: {
        create_refund: {
          limits: [
            { counter: 'refund_spend', window: 'day', max: 100, scope: 'server', increment_from: 'args.amount' },
          ],
        },
      },
    },
    trial: [
      { call: 'create_refund', arguments: { order: 'A1', amount: 60 }, effect: 'allow', code: 'allowed' },
      { call: 'create_refund', arguments: { order: 'A2', amount: 50 }, effect: 'deny', code: 'rate_limited' },
      { call: 'create_refund', arguments: { order: 'A3', amount: '1' }, effect: 'deny', code: 'argument_rule' },
      { call: 'create_refund', arguments: { order: 'A3', amount: 40 }, effect: 'allow', code: 'allowed' },
    ],
  },
];
