import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import { definitionDiff } from './definition-diff.js';
import type { ToolChange } from './tool-changes.js';
import type { ToolRisk } from './tool-risk.js';
import type { ToolView } from './tools.dto.js';

/**
 * What a tool's view adds to its definition: its server's version, whether it is disabled, and what policies pin;
 * `before` are the definitions
 * that they pin, by hash.
 */
export type ToolContext = Readonly<{
  version: number;
  disabled: boolean;
  pinnedHash: string | null;
  changes: readonly ToolChange[];
  before: ReadonlyMap<string, DiscoveredTool['definition']>;
  risk: ToolRisk;
}>;

/** The view of a discovered tool: its definition, and how that differs from what policies pinned. */
export const toolView = (
  { name, definitionHash, definition }: DiscoveredTool,
  { version, disabled, pinnedHash, changes, before, risk }: ToolContext,
): ToolView => ({
  name,
  version,
  title: definition['title'] ?? null,
  description: definition['description'] ?? null,
  inputSchema: definition['inputSchema'] ?? null,
  ...(definition['outputSchema'] === undefined ? {} : { outputSchema: definition['outputSchema'] }),
  annotations: definition['annotations'] ?? null,
  definitionHash,
  disabled,
  pinnedHash,
  changed: changes.length > 0,
  changes: changes.map((change) => ({
    ...change,
    diff: definitionDiff(before.get(change.pinnedHash) ?? {}, definition),
  })),
  ...risk,
});
