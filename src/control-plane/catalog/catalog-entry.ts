import { createHash } from 'node:crypto';
import { definitionHash } from '../../mcp/upstream/tool-definition.js';
import type { Json } from '../../platform/json/json-object.js';
import { amountInputOf, CATEGORIES, type Category } from '../../policy-engine/classify/classify.js';
import type { CountedTool } from './classify-request.js';

/** A tool of the catalog: what was found of its definition, and nothing of its text but names. */
export type CatalogTool = Readonly<{
  name: string;
  category: Category;
  confidence: number;
  evidence: readonly string[];
  signals: readonly string[];
  /** The names of its inputs, the first 40 in their order. */
  inputs: readonly string[];
  /** The input that a spend limit counts; null when there is none. */
  amountInput: string | null;
  tokens: number;
  definitionHash: string;
}>;

/** How a server is registered: where it is or how it is started, and the names of what it wants to be told. */
export type ServerPreset = Readonly<{
  transport?: Readonly<{ type: string; url?: string; command?: string; args?: readonly string[] }>;
  auth: 'none' | 'headers' | 'oauth';
  /** Names of variables or headers, never values. */
  settings: readonly Readonly<{ name: string; required: boolean; secret: boolean }>[];
}>;

/** Where an entry is from: shipped with this release, read from a registry, or scanned here. */
export type CatalogSource = 'shipped' | 'registry' | 'scanned';

/** A server as it is saved. `tools` is undefined when nobody has asked it for them: those that are known stay. */
export type CatalogEntry = Readonly<{
  name: string;
  summary: string;
  version: string | null;
  source: CatalogSource;
  transports: readonly string[];
  preset: ServerPreset;
  /** Whether its registry advises against it. */
  isDeprecated?: boolean;
  /** The day on which its tools were listed, as YYYY-MM-DD. */
  verifiedOn: string | null;
  tools?: readonly CatalogTool[] | undefined;
}>;

export type CategoryCounts = Readonly<Record<Category, number>>;

/** How many tools there are of each category. */
export const countCategories = (tools: readonly Readonly<{ category: Category }>[]): CategoryCounts => {
  const counts: Record<string, number> = Object.fromEntries(CATEGORIES.map((one) => [one, 0]));
  for (const { category } of tools) counts[category] = (counts[category] ?? 0) + 1;
  return counts as CategoryCounts;
};

/** The hash of a list of definitions, whatever their order. */
export const toolsHashOf = (tools: readonly Readonly<{ name: string; definitionHash: string }>[]): string => {
  const hash = createHash('sha256');
  for (const { name, definitionHash: one } of tools.toSorted((left, right) => (left.name < right.name ? -1 : 1)))
    hash.update(`${name}\0${one}\0`);
  return hash.digest('hex');
};

const MAX_INPUTS = 40;
const MAX_INPUT_LENGTH = 64;

/** The names of a definition's inputs, in their order. */
const inputNamesOf = ({ inputSchema }: Json): readonly string[] => {
  const properties = (inputSchema as { properties?: unknown } | undefined)?.properties;
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.keys(properties)
    .filter((name) => name.length <= MAX_INPUT_LENGTH)
    .slice(0, MAX_INPUTS);
};

/** A tool of the catalog, from its definition and what the classifier said of it. */
export const catalogToolOf = (definition: Json, found: CountedTool): CatalogTool => ({
  name: found.name,
  category: found.category,
  confidence: found.confidence,
  evidence: found.evidence,
  signals: found.signals,
  inputs: inputNamesOf(definition),
  amountInput: amountInputOf(definition['inputSchema']),
  tokens: found.tokens,
  definitionHash: definitionHash(definition),
});

/** The part of an address that names a server: `@zereight/mcp-gitlab` is `zereight-mcp-gitlab`. */
export const slugOf = (name: string): string => {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, MAX_SLUG_LENGTH);
  return slug === '' ? `server-${shortHash(name)}` : slug;
};

const MAX_SLUG_LENGTH = 120;

const shortHash = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 8);

/** The slug of a name whose plain slug another server has. */
export const otherSlugOf = (name: string): string => `${slugOf(name)}-${shortHash(name)}`;
