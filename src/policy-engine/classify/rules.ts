import type { Rule } from './rule.js';
import { MONEY, VERB_RULES } from './verb-rules.js';

/**
 * The rules of the classifier. Words are in their base form; texts of `phrase` are separated by `|`.
 */
export const RULES: readonly Rule[] = [
  ...VERB_RULES,
  {
    category: 'Read',
    kind: 'topic',
    words:
      'detail info information status statistic stat metric list history balance quote price forecast weather ' +
      'documentation doc schema log overview summary member protected version news calendar profile capability ' +
      'health usage availability reference whoami me example help hover context',
    because: 'which is only looked at',
    example: { name: 'exchange_rates_history' },
  },
  {
    category: 'Execute',
    kind: 'topic',
    words:
      'job pipeline workflow shell command terminal console bash powershell script code eval cli sql deployment speech',
    because: 'which runs things',
    example: { name: 'bash' },
  },
  {
    category: 'Financial',
    kind: 'topic',
    words: MONEY,
    because: 'which is about money',
    example: { name: 'company_payroll' },
  },
  {
    category: 'Destructive',
    kind: 'phrase',
    words:
      'permanently delete|permanently remove|permanently erase|permanently destroy|permanently close|cannot be ' +
      "undone|can't be undone|can not be undone|not be undone|irreversible|irreversibly|unrecoverable|not " +
      'recoverable|cannot be recovered|soft delete|hard delete|for good|wipe out|all data will be lost|data loss',
    example: { name: 'tidy_up_project', description: 'Permanently removes stale branches of a project' },
  },
  {
    category: 'Financial',
    kind: 'phrase',
    words:
      'move money|send money|transfer money|transfer fund|send fund|charge the customer|charge a card|real money|' +
      'make a payment|on behalf of the customer pay|place an order|buy or sell',
    example: { name: 'settle', description: 'Settles a debt: this will move money between accounts' },
  },
  {
    category: 'Execute',
    kind: 'phrase',
    words:
      'arbitrary code|arbitrary command|arbitrary sql|shell command|any command|any sql|python code|javascript code|' +
      'arbitrary javascript|arbitrary python|system command|raw sql|sql statement',
    because: 'which runs what its arguments say',
    example: { name: 'console', description: 'Takes an arbitrary command' },
  },
  {
    category: 'Execute',
    kind: 'argument',
    words: 'sql command cmd shell script code javascript python expression bash powershell',
    because: 'runs what it says',
    example: { name: 'workbench', arguments: ['sql'] },
  },
  {
    category: 'Financial',
    kind: 'argument',
    words: 'amount',
    objects: 'recipient payee beneficiary iban currency address',
    because: 'is an amount for somebody',
    example: { name: 'submit_request', arguments: ['amount', 'recipient'] },
  },
];
