import { LookAlikes, misreadName } from '../../platform/runtime/look-alikes.js';
import type { ServerFacts } from './facts.js';

const ofTools = new WeakMap<ServerFacts['tools'], LookAlikes>();

/**
 * Why a call of this name is refused whatever the policy says: the server has no tool of this name, and the name could
 * be mistaken for another tool's. Undefined for other names.
 */
export const reasonWhyNameRefused = ({ tools }: ServerFacts, name: string): string | undefined => {
  if (tools.has(name)) return undefined;
  const known = ofTools.get(tools) ?? new LookAlikes(tools.keys());
  ofTools.set(tools, known);
  return misreadName(known, name);
};
