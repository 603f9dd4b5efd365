import type { Json } from '../../platform/json/json-object.js';
import type { Authenticated, PolicyFacts } from '../directory/facts.js';
import { reasonWhyNameRefused } from '../directory/tool-names.js';
import { LookAlikes } from '../../platform/runtime/look-alikes.js';
import { pinnedHash } from '../../policy-engine/pins.js';
import { readTool, type DiscoveredTool } from '../../mcp/upstream/tool-definition.js';

/**
 * `shows` judges a tool that the policy lists, by its value and its JSON text; `seen` collects those whose definition
 * is not the one that the directory knows.
 */
export type ToolScreen = Readonly<{
  shows: (listed: Json, text: string) => boolean;
  seen: ReadonlyMap<string, DiscoveredTool>;
}>;

/**
 * Which of a server's tools a policy's clients may see by their definitions: those that have the pinned one. A changed
 * definition is kept from them, as it is the model that would read it. Tools whose names could be mistaken for others'
 * are kept from them too.
 */
export const makeToolScreen = ({ server }: Authenticated, { compiled, pins }: PolicyFacts): ToolScreen => {
  const beside = new LookAlikes();
  const seen = new Map<string, DiscoveredTool>();
  return {
    seen,
    shows: (listed, text) => {
      const { name } = listed;
      if (
        typeof name !== 'string' ||
        reasonWhyNameRefused(server, name) !== undefined ||
        beside.refusal(name) !== undefined
      )
        return false;
      beside.add(name);
      if (!compiled.pinTools) return true;
      const tool = readTool(listed, text);
      if (!tool) return false;
      const { definitionHash } = tool;
      if (server.tools.get(name)?.definitionHash !== definitionHash) seen.set(name, tool);
      const pinned = pinnedHash(pins, name, server.accepted.get(name));
      return compiled.mode === 'monitor' || pinned === undefined || pinned === definitionHash;
    },
  };
};
