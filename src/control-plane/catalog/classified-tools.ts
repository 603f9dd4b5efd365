import { isObject, type Json } from '../../platform/json/json-object.js';
import { isStorable } from '../../platform/json/storable.js';
import type { ServerDescription, ToolDefinition } from '../../policy-engine/classify/classify.js';
import { catalogToolOf, type CatalogTool } from './catalog-entry.js';
import { classifyDefinitions } from './classify-request.js';

const isTool = (tool: unknown): tool is Json & { name: string } =>
  isObject(tool) && typeof tool['name'] === 'string' && tool['name'] !== '' && isStorable(tool);

/** The definitions among what a server listed, the first of each name. */
const definitionsIn = (listed: readonly unknown[]): readonly (Json & { name: string })[] => {
  const byName = new Map<string, Json & { name: string }>();
  for (const tool of listed) if (isTool(tool) && !byName.has(tool.name)) byName.set(tool.name, tool);
  return [...byName.values()];
};

const textOrNothing = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A definition of a stranger, whose texts may be anything else. */
const definitionOf = (tool: Json & { name: string }): ToolDefinition => ({
  name: tool.name,
  title: textOrNothing(tool['title']),
  description: textOrNothing(tool['description']),
  inputSchema: tool['inputSchema'],
  annotations: tool['annotations'],
});

/**
 * The tools that a server listed, as the catalog keeps them: nothing of their text but names. What is no definition,
 * and a second one of a name, is left out.
 */
export const classifiedToolsOf = (listed: readonly unknown[], server: ServerDescription): readonly CatalogTool[] => {
  const definitions = definitionsIn(listed);
  const { tools } = classifyDefinitions({ tools: definitions.map(definitionOf), server });
  return definitions.flatMap((definition, at) => {
    const found = tools[at];
    return found === undefined ? [] : [catalogToolOf(definition, found)];
  });
};
