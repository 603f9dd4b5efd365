import type { LimitRule, PolicyDocument, ToolEntry } from '../document.js';
import { MAX_NAME_LENGTH } from '../facts.js';
import { isStorableText } from '../../platform/json/storable.js';
import { inputsIn } from './definition.js';
import type { Category } from './rule.js';
import { wordsOfName } from './words.js';

/** A tool with its category and the input that is an amount: what a recommendation rests on. */
export type Recommendable = Readonly<{ name: string; category: Category; amountInput: string | null }>;

/**
 * What a whole server is to be used for: `read-only` allows what only reads, `balanced` is what the catalog recommends
 * for each tool, `open` allows all that can be named, and asks before what can not be taken back.
 */
export const POSTURES = ['read-only', 'balanced', 'open'] as const;

export type Posture = (typeof POSTURES)[number];

const MAX_COUNTER_LENGTH = 58;
const SPEND_A_DAY = 100;

/** Whether a policy can name a tool exactly: a star would make the name a pattern. */
const isNameable = (name: string): boolean =>
  name.length >= 1 && name.length <= MAX_NAME_LENGTH.tool && !name.includes('*') && isStorableText(name);

/** A short mark of a text, the same everywhere (FNV-1a). */
const markOf = (text: string): string => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
};

/** The name of a tool's counter. Names that no counter can have are told apart by a mark, so that none shares one. */
const counterOf = (name: string, suffix: string): string => {
  const plain = name.replaceAll(/[^A-Za-z0-9_.-]/g, '_');
  if (plain === name && name.length <= MAX_COUNTER_LENGTH) return name + suffix;
  const mark = `_${markOf(name)}`;
  return plain.slice(0, MAX_COUNTER_LENGTH - mark.length) + mark + suffix;
};

/** The input that is an amount: a number that a limit can spend. The shortest of several; null when there is none. */
export function amountInputOf(inputSchema: unknown): string | null {
  const names = inputsIn(inputSchema).inputs.flatMap(([name, input]) => {
    const type = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
    const isNumber = type === 'number' || type === 'integer';
    return isNumber && /^\w+$/.test(name) && wordsOfName(name).includes('amount') ? [name] : [];
  });
  return names.toSorted((one, other) => one.length - other.length)[0] ?? null;
}

type Rate = Readonly<{ window: 'minute' | 'hour' | 'day'; max: number }>;

const rateOf = (name: string, { window, max }: Rate): readonly LimitRule[] => [
  { counter: counterOf(name, '_rate'), window, max, scope: 'grant' },
];

/** How much may be spent a day, or, when no input says how much a call spends, how often it may be called. */
const spendOf = ({ name, amountInput }: Recommendable): readonly LimitRule[] =>
  amountInput === null
    ? rateOf(name, { window: 'day', max: 10 })
    : [
        {
          counter: counterOf(name, '_spend'),
          window: 'day',
          max: SPEND_A_DAY,
          scope: 'grant',
          increment_from: `args.${amountInput}`,
        },
      ];

const askAboutMoney = (tool: Recommendable): ToolEntry => ({
  action: 'require_approval',
  reason: 'Moving money needs a person',
  limits: spendOf(tool),
});

type Entries = Readonly<Record<Category, (tool: Recommendable) => ToolEntry | undefined>>;

const balanced: Entries = {
  Read: () => ({}),
  Write: ({ name }) => ({ limits: rateOf(name, { window: 'hour', max: 30 }) }),
  Execute: ({ name }) => ({ limits: rateOf(name, { window: 'minute', max: 10 }) }),
  Destructive: () => ({ action: 'deny', reason: 'What this tool does can not be taken back' }),
  Financial: askAboutMoney,
};

const none = (): undefined => undefined;

const entriesFor: Readonly<Record<Posture, Entries>> = {
  'read-only': { Read: () => ({}), Write: none, Execute: none, Destructive: none, Financial: none },
  balanced,
  open: {
    Read: ({ name }) => ({ limits: rateOf(name, { window: 'minute', max: 300 }) }),
    Write: ({ name }) => ({ limits: rateOf(name, { window: 'minute', max: 60 }) }),
    Execute: ({ name }) => ({ limits: rateOf(name, { window: 'minute', max: 30 }) }),
    Destructive: ({ name }) => ({
      action: 'require_approval',
      reason: 'What this tool does can not be taken back',
      limits: rateOf(name, { window: 'hour', max: 10 }),
    }),
    Financial: askAboutMoney,
  },
};

/**
 * The policy that is recommended for some tools of a server: everything else, and what the server adds later, is
 * denied. A tool that no policy can name stays denied as well.
 */
export function recommendedServerPolicy(tools: readonly Recommendable[], posture: Posture): PolicyDocument {
  const entries = tools
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((tool) => {
      const entry = isNameable(tool.name) ? entriesFor[posture][tool.category](tool) : undefined;
      return entry === undefined ? [] : [[tool.name, entry] as const];
    });
  return { version: '1', default: 'deny', ...(entries.length === 0 ? {} : { tools: Object.fromEntries(entries) }) };
}

/** The policy that is recommended for a tool alone. */
export function recommendedPolicy(tool: Recommendable): PolicyDocument {
  return recommendedServerPolicy([tool], 'balanced');
}
