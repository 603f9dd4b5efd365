import type { PolicyDocument, ToolEntry } from '../document.js';
import { MAX_NAME_LENGTH } from '../facts.js';
import { isStorableText } from '../../platform/json/storable.js';
import { inputsIn, type ToolDefinition } from './definition.js';
import type { Category } from './rule.js';
import { wordsOfName } from './words.js';

const MAX_COUNTER_LENGTH = 58;
const SPEND_A_DAY = 100;

/** Whether a policy can name a tool exactly: a star would make the name a pattern. */
const isNameable = (name: string): boolean =>
  name.length >= 1 && name.length <= MAX_NAME_LENGTH.tool && !name.includes('*') && isStorableText(name);

const counterOf = (name: string, suffix: string): string =>
  name.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, MAX_COUNTER_LENGTH) + suffix;

/** The path of the input that is an amount: a number that a limit can spend. The shortest of several. */
function amountPath({ inputSchema }: ToolDefinition): string | undefined {
  const names = inputsIn(inputSchema).inputs.flatMap(([name, input]) => {
    const type = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
    const isNumber = type === 'number' || type === 'integer';
    return isNumber && /^\w+$/.test(name) && wordsOfName(name).includes('amount') ? [name] : [];
  });
  const [first] = names.toSorted((one, other) => one.length - other.length);
  return first === undefined ? undefined : `args.${first}`;
}

const entries: Readonly<Record<Category, (tool: ToolDefinition) => ToolEntry>> = {
  Read: () => ({}),
  Write: ({ name }) => ({
    limits: [{ counter: counterOf(name, '_rate'), window: 'hour', max: 30, scope: 'grant' }],
  }),
  Execute: ({ name }) => ({
    limits: [{ counter: counterOf(name, '_rate'), window: 'minute', max: 10, scope: 'grant' }],
  }),
  Destructive: () => ({ action: 'deny', reason: 'What this tool does can not be taken back' }),
  Financial: (tool) => {
    const path = amountPath(tool);
    return {
      action: 'require_approval',
      reason: 'Moving money needs a person',
      limits: [
        path === undefined
          ? { counter: counterOf(tool.name, '_rate'), window: 'day', max: 10, scope: 'grant' }
          : {
              counter: counterOf(tool.name, '_spend'),
              window: 'day',
              max: SPEND_A_DAY,
              scope: 'grant',
              increment_from: path,
            },
      ],
    };
  },
};

/**
 * The entry that is recommended for a tool of a category; undefined for a tool that no policy can name, which stays
 * denied by default.
 */
export function recommendedEntry(tool: ToolDefinition, category: Category): ToolEntry | undefined {
  return isNameable(tool.name) ? entries[category](tool) : undefined;
}

/** The policy that is recommended for a tool alone: everything else is denied. */
export function recommendedPolicy(tool: ToolDefinition, category: Category): PolicyDocument {
  const entry = recommendedEntry(tool, category);
  return {
    version: '1',
    default: 'deny',
    ...(entry === undefined ? {} : { tools: Object.fromEntries([[tool.name, entry]]) }),
  };
}
