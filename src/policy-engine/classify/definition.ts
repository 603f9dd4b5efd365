import { sentencesOf, wordsOfName } from './words.js';

/** A tool's definition as its server gives it; whoever reads it has bounded its size. */
export type ToolDefinition = Readonly<{
  name: string;
  title?: string | undefined;
  description?: string | undefined;
  inputSchema?: unknown;
  annotations?: unknown;
}>;

/** What is known of a server beside its tools. */
export type ServerDescription = Readonly<{ name?: string | undefined; description?: string | undefined }>;

/** A definition as words, in lower case. `actions` are the values of an input that chooses what the tool does. */
export type Words = Readonly<{
  name: readonly string[];
  title: readonly string[];
  sentences: readonly (readonly string[])[];
  inputs: readonly string[];
  actions: readonly string[];
  inputCount: number;
}>;

type Members = Readonly<Record<string, unknown>>;

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};

const MAX_INPUTS = 200;
const MAX_INPUT_NAME_LENGTH = 64;
/** Of all inputs together: what comes after as many harmless actions still counts. */
const MAX_ACTIONS = 1000;
const CHOOSES = new Set(['action', 'operation', 'method', 'op', 'command', 'verb', 'mode']);

/** The texts among the first values that a schema takes. */
function textsOf(schema: unknown, max: number): readonly string[] {
  const { enum: values, const: value } = membersOf(schema);
  const offered: readonly unknown[] = Array.isArray(values) ? values : [value];
  return offered.slice(0, max).filter((one) => typeof one === 'string');
}

/** Where a name belongs among names in order. */
function placeOf(name: string, names: readonly string[]): number {
  let [from, to] = [0, names.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((names[middle] ?? '') < name) from = middle + 1;
    else to = middle;
  }
  return from;
}

type Inputs = Readonly<{ inputs: readonly (readonly [name: string, schema: unknown])[]; count: number }>;

/**
 * The inputs of a tool, in the order of their names, and at most the first 200: a schema may have a hundred thousand,
 * and sorting them all would hold the process. `count` says how many there are.
 */
export function inputsIn(inputSchema: unknown): Inputs {
  const properties = membersOf(membersOf(inputSchema)['properties']);
  const all = Object.keys(properties);
  const names: string[] = [];
  for (const name of all) {
    const isAmong = names.length < MAX_INPUTS || name < (names.at(-1) ?? '');
    if (!isAmong || name.length > MAX_INPUT_NAME_LENGTH) continue;
    names.splice(placeOf(name, names), 0, name);
    if (names.length > MAX_INPUTS) names.pop();
  }
  return { inputs: names.map((name) => [name, properties[name]]), count: all.length };
}

/** The inputs of a tool: the words of each, and what those say that choose an action. In an order of their own. */
function inputsOf(schema: unknown): Pick<Words, 'inputs' | 'actions' | 'inputCount'> {
  const inputs = new Set<string>();
  const actions = new Set<string>();
  const { inputs: found, count } = inputsIn(schema);
  let left = MAX_ACTIONS;
  for (const [name, input] of found) {
    const words = wordsOfName(name);
    inputs.add(words.join(' '));
    for (const word of words) inputs.add(word);
    if (words.length !== 1 || !CHOOSES.has(words[0] ?? '')) continue;
    const texts = textsOf(input, left);
    left -= texts.length;
    for (const text of texts) actions.add(wordsOfName(text).join(' '));
  }
  return {
    inputs: [...inputs].toSorted(),
    actions: [...actions].toSorted(),
    inputCount: count,
  };
}

/** The words of a definition. */
export function wordsOf({ name, title, description, inputSchema }: ToolDefinition): Words {
  return {
    name: wordsOfName(name),
    title: wordsOfName(title ?? ''),
    sentences: sentencesOf(description ?? ''),
    ...inputsOf(inputSchema),
  };
}

/** What a server says of its tool in `annotations`; anything but true and false is left out. */
export function hintsOf({ annotations }: ToolDefinition): Readonly<{ readOnly?: boolean; destructive?: boolean }> {
  const { readOnlyHint, destructiveHint } = membersOf(annotations);
  return {
    ...(typeof readOnlyHint === 'boolean' ? { readOnly: readOnlyHint } : {}),
    ...(typeof destructiveHint === 'boolean' ? { destructive: destructiveHint } : {}),
  };
}
