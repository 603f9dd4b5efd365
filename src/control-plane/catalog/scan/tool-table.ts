import { withoutUnseen } from '../../../platform/runtime/look-alikes.js';
import { clip } from '../../../platform/runtime/clip.js';
import { CATEGORIES, RISKS } from '../../../policy-engine/classify/classify.js';
import { countCategories, type CatalogTool } from '../catalog-entry.js';

const MAX_NAME_WIDTH = 48;
const MAX_WHY_WIDTH = 90;

/** A text of a stranger as a terminal may show it: on one line, with nothing that moves its cursor. */
export const shownText = (text: string, max = MAX_NAME_WIDTH): string => clip(withoutUnseen(text), max);

const tokensOf = (tools: readonly CatalogTool[]): number => tools.reduce((sum, { tokens }) => sum + tokens, 0);

const severity = ({ category }: CatalogTool): number => CATEGORIES.indexOf(category);

/** Tools from worst to harmless. */
const worstFirst = (tools: readonly CatalogTool[]): readonly CatalogTool[] =>
  tools.toSorted((one, other) => severity(other) - severity(one) || (one.name < other.name ? -1 : 1));

/** How many tools there are, of which categories, and what their definitions cost. */
export const summaryOfTools = (tools: readonly CatalogTool[]): string => {
  const counts = countCategories(tools);
  const named = CATEGORIES.filter((one) => counts[one] > 0).map((one) => `${counts[one]} ${one}`);
  return `${tools.length} tools (${named.join(', ')}), about ${tokensOf(tools)} tokens of every context window`;
};

/** A table of tools: a line each, the worst first. */
export const toolTable = (tools: readonly CatalogTool[]): readonly string[] => {
  const rows = [
    ['tool', 'category', 'risk', 'tokens', 'why'],
    ...worstFirst(tools).map(({ name, category, tokens, evidence }) => [
      shownText(name),
      category,
      RISKS[category],
      String(tokens),
      shownText(evidence[0] ?? '', MAX_WHY_WIDTH),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};
