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
const MAX_ACTIONS = 50;
const CHOOSES = new Set(['action', 'operation', 'method', 'op', 'command', 'verb', 'mode']);

function* textsOf(schema: unknown): Generator<string> {
  const { enum: values, const: value } = membersOf(schema);
  for (const one of Array.isArray(values) ? values.slice(0, MAX_ACTIONS) : [value])
    if (typeof one === 'string') yield one;
}

/** The inputs of a tool: the words of each, and what those say that choose an action. In an order of their own. */
function inputsOf(schema: unknown): Pick<Words, 'inputs' | 'actions' | 'inputCount'> {
  const properties = membersOf(membersOf(schema)['properties']);
  const names = Object.keys(properties);
  const inputs = new Set<string>();
  const actions = new Set<string>();
  for (const name of names.toSorted().slice(0, MAX_INPUTS)) {
    const words = wordsOfName(name);
    inputs.add(words.join(' '));
    for (const word of words) inputs.add(word);
    if (words.length === 1 && CHOOSES.has(words[0] ?? ''))
      for (const text of textsOf(properties[name])) actions.add(wordsOfName(text).join(' '));
  }
  return { inputs: [...inputs].toSorted(), actions: [...actions].toSorted(), inputCount: names.length };
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
