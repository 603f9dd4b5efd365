import { hintsOf, type ToolDefinition, type Words } from './definition.js';
import { isWorse } from './match.js';
import type { Category } from './rule.js';

/** What inputs of these names tell, whatever the tool does with them. */
const INPUT_SIGNALS = [
  { signal: 'takes a URL', words: 'url uri webhook endpoint callback href' },
  { signal: 'takes code or a command', words: 'sql command cmd shell script code javascript python expression bash' },
  { signal: 'takes a path', words: 'path filename filepath directory folder' },
  { signal: 'takes an amount', words: 'amount price' },
  { signal: 'names who receives', words: 'recipient recipients payee beneficiary iban to' },
  { signal: 'can be forced', words: 'force forced confirm recursive cascade overwrite' },
].map(({ signal, words }) => ({ signal, names: words.split(' ') }));

/** Texts that speak to the model and not about the tool. */
const INSTRUCTIONS =
  'ignore previous|ignore all|ignore other|ignore any|ignore the|disregard|do not tell|do not mention|never tell|' +
  "don't tell|without telling|system prompt|you must|must always|always call|always use this|before any other|" +
  'before using any|before you use|instead of any other|do not ask|do not inform|override|important instruction';
const instructions = INSTRUCTIONS.split('|').map((text) => ` ${text} `);

const MANY_INPUTS = 12;
const FEW_WORDS = 3;
const SHORT_DESCRIPTION = 20;
/** Characters that show nothing, by which a description says to a model what a person does not see. */
const UNSEEN = /[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{feff}\u{e0000}-\u{e007f}]/u;
const SCANNED_LENGTH = 2000;

/** The words of a description, a stop between sentences, to look for texts of several words in. */
const textOf = ({ sentences }: Words): string => ` ${sentences.map((words) => words.join(' ')).join(' . ')} `;

type Signals = readonly (string | false)[];

const inputSignals = ({ inputs, inputCount }: Words): Signals => [
  ...INPUT_SIGNALS.map(({ signal, names }) => names.some((name) => inputs.includes(name)) && signal),
  inputCount > MANY_INPUTS && `has many parameters (${inputCount})`,
];

const textSignals = ({ name, description = '' }: ToolDefinition, words: Words): Signals => {
  const text = textOf(words);
  const isShort = (words.sentences[0]?.length ?? 0) < FEW_WORDS && description.length < SHORT_DESCRIPTION;
  return [
    isShort && 'says nothing about itself',
    instructions.some((one) => text.includes(one)) && 'instructs the model',
    UNSEEN.test(description.slice(0, SCANNED_LENGTH)) && 'hides characters in its description',
    /[^\x20-\x7e]/.test(name) && 'has a name with unusual characters',
  ];
};

/** A server's hints, where they differ from what was found. They never lower a risk. */
const hintSignals = (tool: ToolDefinition, category: Category): Signals => {
  const { readOnly, destructive } = hintsOf(tool);
  return [
    readOnly === true && isWorse(category, 'Read') && 'calls itself read-only, against what was found',
    destructive === true && isWorse('Destructive', category) && 'calls itself destructive',
  ];
};

/** What a person should know of a tool beside its category. */
export function signalsOf(tool: ToolDefinition, words: Words, category: Category): readonly string[] {
  const signals = [...inputSignals(words), ...textSignals(tool, words), ...hintSignals(tool, category)];
  return signals.filter((one) => one !== false);
}
