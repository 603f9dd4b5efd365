import { createHash } from 'node:crypto';
import { canonicalJson } from '../../platform/json/canonical-json.js';
import { readStrictJson } from '../../platform/json/strict-json.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { isStorable } from '../../platform/json/storable.js';
import { serverMessageText } from '../protocol/response.js';
import { elementsOf, membersOf } from '../wire/json-text.js';
import { LookAlikes } from '../../platform/runtime/look-alikes.js';

/** A tool as an upstream lists it: `definition` is the listed object with every member it had. */
export type DiscoveredTool = Readonly<{
  name: string;
  definitionHash: string;
  definition: Readonly<Record<string, unknown>>;
}>;

/** The members of a tool that its hash covers: what a model is told of it. */
export const HASHED_MEMBERS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

/** What a text has that holds a number which no double gives back. No match is certain. */
const MAY_BE_INEXACT = /[\d.]{16}|\d[eE]/;

/**
 * The definition with numbers that no double holds as they were written; undefined when the text can be read in two
 * ways.
 */
const exactly = (tool: Json, text: string): Json | undefined => {
  if (!MAY_BE_INEXACT.test(text)) return tool;
  const read = readStrictJson(Buffer.from(text), 'as_written');
  return read.ok && isObject(read.value) ? read.value : undefined;
};

/**
 * What pins a tool: SHA-256 in hex over the canonical JSON (sorted keys) of its name, title, description, schemas and
 * annotations. Equal for equal definitions whatever the order of their keys; other members (icons, `_meta`) don't
 * count. `text` is the definition as its server wrote it: with it, numbers count as written, and not as a double rounds
 * them. Expects a value that `isStorable` accepts.
 */
export const definitionHash = (tool: Json, text = ''): string => {
  const exact = exactly(tool, text);
  const hash = createHash('sha256').update(
    canonicalJson(Object.fromEntries(HASHED_MEMBERS.map((key) => [key, (exact ?? tool)[key]]))),
  );
  // What rounding could hide then stands in the text alone.
  if (!exact) hash.update(text);
  return hash.digest('hex');
};

/**
 * A listed tool as it is kept, by its value and its JSON text; undefined for one without a name and one that can't be
 * stored.
 */
export const readTool = (listed: unknown, text?: string): DiscoveredTool | undefined =>
  isObject(listed) && typeof listed['name'] === 'string' && listed['name'] !== '' && isStorable(listed)
    ? { name: listed['name'], definitionHash: definitionHash(listed, text), definition: listed }
    : undefined;

/** A tool of a listing: its value, and its JSON text where that is known. */
export type ListedTool = Readonly<{ value: unknown; text?: string | undefined }>;

/** The tools of a result, each with its text in the message that holds the result. */
export const listedTools = (tools: readonly unknown[], message: string): readonly ListedTool[] => {
  const result = membersOf(serverMessageText(message)).get('result') ?? '';
  const texts = elementsOf(membersOf(result).get('tools') ?? '');
  return tools.map((value, at) => ({ value, text: texts.length === tools.length ? texts[at] : undefined }));
};

/**
 * `refused` are tools whose names could be mistaken for another's, and why; `leftOut` counts the others that are not
 * among the tools.
 */
export type ReadTools = Readonly<{
  tools: readonly DiscoveredTool[];
  refused: readonly Readonly<{ name: string; why: string }>[];
  leftOut: number;
}>;

/**
 * The tools of a listing in their order. One without a name, one that can't be stored and a second of the same name are
 * left out; so is one whose name could be mistaken for another's, of names that look alike all but the first.
 */
export const readTools = (listed: readonly ListedTool[]): ReadTools => {
  const tools = new Map<string, DiscoveredTool>();
  const names = new LookAlikes();
  const refused: { name: string; why: string }[] = [];
  for (const { value, text } of listed) {
    const tool = readTool(value, text);
    if (!tool || tools.has(tool.name)) continue;
    const why = names.refusal(tool.name);
    if (why === undefined) tools.set(tool.name, tool);
    else refused.push({ name: tool.name, why });
    names.add(tool.name);
  }
  return { tools: [...tools.values()], refused, leftOut: listed.length - tools.size - refused.length };
};
