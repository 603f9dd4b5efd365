import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import { definitionDiff, type Difference } from './definition-diff.js';
import type { ToolChange } from './tool-changes.js';

/** A tool as the API shows it. The last four say what the catalog knows of it: nothing yet. */
export type ToolView = Readonly<{
  name: string;
  title: unknown;
  description: unknown;
  inputSchema: unknown;
  outputSchema?: unknown;
  annotations: unknown;
  definitionHash: string;
  disabled: boolean;
  pinnedHash: string | null;
  changed: boolean;
  changes: readonly (ToolChange & Readonly<{ diff: readonly Difference[] }>)[];
  category: null;
  risk: null;
  evidence: null;
  recommendedPolicy: null;
}>;

/**
 * How a tool stands: switched off or not, and to the policies that pin it; `before` are the definitions that they pin,
 * by hash.
 */
export type Standing = Readonly<{
  disabled: boolean;
  pinnedHash: string | null;
  changes: readonly ToolChange[];
  before: ReadonlyMap<string, DiscoveredTool['definition']>;
}>;

/** A discovered tool as the REST API shows it: its definition, and how that differs from what policies pinned. */
export const toolView = (
  { name, definitionHash, definition }: DiscoveredTool,
  { disabled, pinnedHash, changes, before }: Standing,
): ToolView => ({
  name,
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
  category: null,
  risk: null,
  evidence: null,
  recommendedPolicy: null,
});
