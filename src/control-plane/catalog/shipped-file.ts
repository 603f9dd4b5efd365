import { readForeignJson } from '../../platform/json/foreign-json.js';
import { CATEGORIES, type Category } from '../../policy-engine/classify/classify.js';
import type { CatalogEntry, CatalogTool } from './catalog-entry.js';

/**
 * A tool in a file: name, category, confidence, evidence, signals, inputs, amount input, tokens and hash. Sentences,
 * which many tools share, stand once in the file's `texts`.
 */
type ToolRow = readonly [
  name: string,
  category: number,
  confidence: number,
  evidence: readonly number[],
  signals: readonly number[],
  inputs: readonly string[],
  amountInput: string | null,
  tokens: number,
  definitionHash: string,
];

type ShippedEntry = Omit<CatalogEntry, 'source' | 'tools'> & Readonly<{ tools?: readonly ToolRow[] }>;

type ShippedFile = Readonly<{ texts: readonly string[]; servers: readonly ShippedEntry[] }>;

const toolOf = (row: ToolRow, texts: readonly string[]): CatalogTool => {
  const textAt = (at: number): string => texts[at] ?? '';
  const [name, category, confidence, evidence, signals, inputs, amountInput, tokens, definitionHash] = row;
  return {
    name,
    category: CATEGORIES[category] as Category,
    confidence,
    evidence: evidence.map(textAt),
    signals: signals.map(textAt),
    inputs,
    amountInput,
    tokens,
    definitionHash,
  };
};

/** The entries of a file that this release ships with. @throws when it is none */
export const readShippedFile = (text: string): readonly CatalogEntry[] => {
  const read = readForeignJson(text);
  if (!read.ok) throw new Error('the shipped catalog can not be read');
  const { texts, servers } = read.value as ShippedFile;
  return servers.map((server) => ({
    ...server,
    source: 'shipped',
    tools: server.tools?.map((row) => toolOf(row, texts)),
  }));
};

/** Entries as the text of a file: a line for each server and each tool, so that changes can be read. */
export const writeShippedFile = (entries: readonly CatalogEntry[]): string => {
  const places = new Map<string, number>();
  const placeOf = (text: string): number => {
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    return place;
  };
  const servers = entries
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ source: _source, tools = [], ...server }) => {
      const rows = tools
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .map((tool): ToolRow => [
          tool.name,
          CATEGORIES.indexOf(tool.category),
          tool.confidence,
          tool.evidence.map(placeOf),
          tool.signals.map(placeOf),
          tool.inputs,
          tool.amountInput,
          tool.tokens,
          tool.definitionHash,
        ]);
      const lines = rows.map((row) => JSON.stringify(row)).join(',\n');
      return `${JSON.stringify(server).slice(0, -1)},"tools":[\n${lines}]}`;
    });
  const texts = [...places.keys()].map((text) => JSON.stringify(text)).join(',\n');
  return `{"texts":[\n${texts}],\n"servers":[\n${servers.join(',\n')}]}\n`;
};
