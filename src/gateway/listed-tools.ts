import type { Authenticated, PolicyFacts } from '../directory/facts.js';
import { pinnedHash } from '../policy-engine/pins.js';
import { readTool, type DiscoveredTool } from '../upstream/tool-definition.js';

/** `shows` answers for tools that the policy lists; `seen` collects those whose definition is not the one that the directory knows. */
type PinnedTools = Readonly<{ shows: (listed: unknown) => boolean; seen: ReadonlyMap<string, DiscoveredTool> }>;

/**
 * Which of a server's tools a policy's clients may see by their definitions: those that have the pinned one. A changed definition is kept from them, as it is
 * the model that would read it.
 */
export const makePinnedTools = ({ server }: Authenticated, { compiled, pins }: PolicyFacts): PinnedTools => {
  const seen = new Map<string, DiscoveredTool>();
  return {
    seen,
    shows: (listed) => {
      if (!compiled.pinTools) return true;
      const tool = readTool(listed);
      if (!tool) return false;
      const { name, definitionHash } = tool;
      if (server.tools.get(name)?.definitionHash !== definitionHash) seen.set(name, tool);
      const pinned = pinnedHash(pins, name, server.accepted.get(name));
      return compiled.mode === 'monitor' || pinned === undefined || pinned === definitionHash;
    },
  };
};
