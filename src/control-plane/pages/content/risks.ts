import type { Category, Risk } from '../../../policy-engine/classify/classify.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';

/** What a category of tools means, in words of its own page. */
export type RiskWords = Readonly<{
  category: Category;
  risk: Risk;
  /** What a tool of this category does, as the end of a sentence that begins with its name. */
  does: string;
  summary: string;
  paragraphs: readonly string[];
  signs: readonly string[];
  policy: PolicyDocument;
  /** Why a tool of this category needs a rule. */
  why: string;
  leaves: readonly string[];
}>;

const example = (name: string, entry: object): PolicyDocument => ({
  version: '1',
  default: 'deny',
  tools: Object.fromEntries([[name, entry]]),
});

/** The categories, from harmless to worst. */
export const RISK_WORDS: readonly RiskWords[] = [
  {
    category: 'Read',
    risk: 'low',
    does: 'looks something up and changes nothing',
    summary: 'Tools that look something up and change nothing.',
    paragraphs: [
      'A Read tool has no side effect: it lists, gets, searches or compares. Calling it twice is as harmless as ' +
        'calling it once.',
      'It is not without risk. What it reads goes to the model, and from there it may go into the arguments of ' +
        'another tool. Texts that it reads may also hold orders for the agent.',
    ],
    signs: [
      'Verbs such as get, list, search, describe, count, compare.',
      'A server that calls its tool read-only does not make it so: hints never lower a risk.',
    ],
    policy: example('list_issues', {}),
    why: 'It changes nothing, but what it returns reaches the model, and each call is a line in the record.',
    leaves: [
      'What the tool returns is not looked at. Leave tools out of the policy whose answers no agent should see.',
      'Nothing limits how often it is called.',
    ],
  },
  {
    category: 'Write',
    risk: 'medium',
    does: 'changes data, in a way that can be taken back',
    summary: 'Tools that change data in a way that can be taken back.',
    paragraphs: [
      'A Write tool creates, changes, moves, sends or archives. The change can be undone, by the same tool or by hand.',
      'One wrong call is a nuisance. A hundred of them are a day of work for somebody: the harm is in the number.',
    ],
    signs: [
      'Verbs such as create, update, set, add, send, post, upload, merge, archive.',
      'Sending a message counts as Write; sending money does not.',
    ],
    policy: example('create_issue', {
      limits: [{ counter: 'create_issue_rate', window: 'hour', max: 30, scope: 'grant' }],
    }),
    why: 'It changes data. An agent that repeats itself changes a lot of it before anybody looks.',
    leaves: [
      'What is written is not looked at: add rules on arguments for what must never be in there.',
      'Around the turn of an hour up to twice as many calls may pass, as windows are fixed.',
    ],
  },
  {
    category: 'Execute',
    risk: 'high',
    does: 'starts, stops or repeats something elsewhere, or does what its arguments say',
    summary: 'Tools that start, stop or repeat something, or do what their arguments say.',
    paragraphs: [
      'An Execute tool sets something going or ends it: a job, a deployment, a process, a click. Or it takes code, ' +
        'SQL or a command, so that what it does is in its arguments and not in its name.',
      'Data is not deleted by the tool itself, but what it starts may do so. Its cost is often time of machines, and ' +
        'an agent can use up a lot of that in a minute.',
    ],
    signs: [
      'Verbs such as run, execute, trigger, cancel, retry, start, stop, deploy.',
      'Inputs that are called command, code, sql, script or query.',
    ],
    policy: example('cancel_job', {
      limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }],
    }),
    why: 'It acts on something that runs. In a loop it acts on all of it, faster than a person can look.',
    leaves: [
      'Ten wrong calls a minute still pass. Name allowed values in a rule on arguments where there are few.',
      'What the tool sets going runs with the rights of the server, not with those of the agent.',
    ],
  },
  {
    category: 'Destructive',
    risk: 'critical',
    does: 'does something that can not be taken back',
    summary: 'Tools whose effect can not be taken back.',
    paragraphs: [
      'A Destructive tool deletes, drops, purges, revokes, overwrites or resets. When it was wrong, a backup is the ' +
        'way back, if there is one.',
      'A polite name does not change that. A tool that tidies up and permanently removes is Destructive.',
    ],
    signs: [
      'Verbs such as delete, remove, drop, purge, revoke, reset, kill.',
      'Descriptions that say permanently, irreversible or can not be undone.',
      'One action of several is enough: a tool that can also delete is Destructive.',
    ],
    policy: example('delete_branch', { action: 'deny', reason: 'What this tool does can not be taken back' }),
    why: 'One call is enough to lose data, and nothing on the side of the agent can bring it back.',
    leaves: ['Nothing: every call is refused. Where agents need the tool, let a person approve each call instead.'],
  },
  {
    category: 'Financial',
    risk: 'critical',
    does: 'moves money, or binds somebody to pay',
    summary: 'Tools that move money or bind somebody to pay.',
    paragraphs: [
      'A Financial tool pays, refunds, transfers, invoices, orders or books. The amount is an argument, and so the ' +
        'harm has no upper end but the one that you set.',
    ],
    signs: [
      'Words such as payment, refund, invoice, payout, order, booking, transfer.',
      'An input that is called amount or price beside a verb that acts.',
    ],
    policy: example('create_refund', {
      action: 'require_approval',
      reason: 'Moving money needs a person',
      limits: [
        { counter: 'create_refund_spend', window: 'day', max: 100, scope: 'grant', increment_from: 'args.amount' },
      ],
    }),
    why: 'It spends money, and each call may spend as much as its arguments say.',
    leaves: [
      'Whoever approves must read the arguments: payee, amount and currency are all there.',
      'The amount of the limit is an example, and it knows no currencies. Set yours.',
    ],
  },
];

/** The words of a category. */
export const riskWordsOf = (category: Category): RiskWords =>
  RISK_WORDS.find((words) => words.category === category) ?? (RISK_WORDS[0] as RiskWords);
