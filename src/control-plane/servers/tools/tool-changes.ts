import { pinnedHash, type Accepted } from '../../../policy-engine/pins.js';
import type { PinningPolicies } from './tools.store.js';

/** Policies that refuse a tool as it is now, and the definition that they pin. */
export type ToolChange = Readonly<{ pinnedHash: string; policyIds: readonly string[] }>;

type Known = Readonly<{ name: string; definitionHash: string }>;

/**
 * Which policies refuse a tool because its definition changed, those published last first, together by what they pin.
 */
export const changesOf = (
  tool: Known,
  policies: readonly PinningPolicies[],
  accepted: Accepted | undefined,
): readonly ToolChange[] => {
  const byHash = new Map<string, string[]>();
  for (const { policyIds, pins } of policies) {
    const pinned = pinnedHash(pins, tool.name, accepted);
    if (pinned === undefined || pinned === tool.definitionHash) continue;
    byHash.set(pinned, [...(byHash.get(pinned) ?? []), ...policyIds]);
  }
  return [...byHash].map(([hash, policyIds]) => ({ pinnedHash: hash, policyIds }));
};

/** The hash that a tool is pinned to: one that it no longer has, if there is one; null when no policy pins it. */
export const pinOf = (
  tool: Known,
  policies: readonly PinningPolicies[],
  accepted: Accepted | undefined,
): string | null => {
  const [changed] = changesOf(tool, policies, accepted);
  if (changed) return changed.pinnedHash;
  return policies.some(({ pins }) => pinnedHash(pins, tool.name, accepted) !== undefined) ? tool.definitionHash : null;
};
