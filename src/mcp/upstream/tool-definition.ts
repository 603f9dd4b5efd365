import { createHash } from 'node:crypto';
import { canonicalJson } from '../../platform/json/canonical-json.js';
import { isObject } from '../../platform/json/json-object.js';
import { isStorable } from '../../platform/json/storable.js';
import { LookAlikes } from '../../platform/runtime/look-alikes.js';

/** A tool as an upstream lists it: `definition` is the listed object with every member it had. */
export type DiscoveredTool = Readonly<{
  name: string;
  definitionHash: string;
  definition: Readonly<Record<string, unknown>>;
}>;

/** The members of a tool that its hash covers: what a model is told of it. */
export const HASHED_MEMBERS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

/**
 * What pins a tool: SHA-256 in hex over the canonical JSON (sorted keys) of its name, title, description, schemas and
 * annotations. Equal for equal definitions whatever the order of their keys; other members (icons, `_meta`) don't
 * count. Expects a value that `isStorable` accepts.
 */
export const definitionHash = (tool: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(canonicalJson(Object.fromEntries(HASHED_MEMBERS.map((key) => [key, tool[key]]))))
    .digest('hex');

/** A listed tool as it is kept; undefined for one without a name and one that can't be stored. */
export const readTool = (listed: unknown): DiscoveredTool | undefined =>
  isObject(listed) && typeof listed['name'] === 'string' && listed['name'] !== '' && isStorable(listed)
    ? { name: listed['name'], definitionHash: definitionHash(listed), definition: listed }
    : undefined;

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
export const readTools = (listed: readonly unknown[]): ReadTools => {
  const tools = new Map<string, DiscoveredTool>();
  const names = new LookAlikes();
  const refused: { name: string; why: string }[] = [];
  for (const one of listed) {
    const tool = readTool(one);
    if (!tool || tools.has(tool.name)) continue;
    const why = names.refusal(tool.name);
    if (why === undefined) tools.set(tool.name, tool);
    else refused.push({ name: tool.name, why });
    names.add(tool.name);
  }
  return { tools: [...tools.values()], refused, leftOut: listed.length - tools.size - refused.length };
};
