import { isObject } from '../platform/json/json-object.js';
import { prepareInputSchema } from './input-schema.js';
import { inSlices, type Sliced } from './slices.js';

type Schema = Readonly<{ name: string; inputSchema: unknown }>;

/** Steps of about 10 ns: half a second for all schemas of a server. Those that are left then are not looked at. */
const MAX_STEPS = 50_000_000;
const STEPS_PER_SCHEMA = 5000;
const NAMES_TOLD = 3;
const MAX_SHOWN_NAME_LENGTH = 80;

/**
 * The names of tools whose schemas can't be checked: under `check_arguments` every call of theirs is refused. Goes on
 * in slices between other work, in the name of `owner` (an organization), for at most about half a second of work in
 * all.
 */
export function findUncheckable(tools: readonly Schema[], owner: string): Promise<readonly string[]> {
  return inSlices(owner, uncheckable(tools));
}

/** What a schema may say without a word about which arguments there are. */
const ABOUT_NO_ARGUMENT: ReadonlySet<string> = new Set(['$schema', '$id', '$comment', 'title', 'description', 'type']);

/**
 * Whether a schema says nothing of arguments (`{}`, `{"type": "object"}`): nothing but calls without arguments matches
 * it under `check_arguments`, whatever its server meant.
 */
export const saysNothing = (inputSchema: unknown): boolean =>
  isObject(inputSchema) && Object.keys(inputSchema).every((key) => ABOUT_NO_ARGUMENT.has(key));

/** Such tools in a few words: their number, and the first names. */
export function someOf(names: readonly string[]): string {
  return `${names.length === 1 ? '1 tool' : `${names.length} tools`} (${names
    .slice(0, NAMES_TOLD)
    .map((name) => name.slice(0, MAX_SHOWN_NAME_LENGTH))
    .join(', ')}${names.length > NAMES_TOLD ? ', …' : ''})`;
}

function* uncheckable(tools: readonly Schema[]): Sliced<readonly string[]> {
  const found: string[] = [];
  let left = MAX_STEPS;
  for (const { name, inputSchema } of tools) {
    const preparing = prepareInputSchema(inputSchema);
    let prepared = preparing.next();
    for (; prepared.done !== true && left > 0; prepared = preparing.next()) {
      left -= prepared.value;
      yield prepared.value;
    }
    if (left <= 0) break;
    if (prepared.value === undefined) found.push(name);
    left -= STEPS_PER_SCHEMA;
    yield STEPS_PER_SCHEMA;
  }
  return found;
}
