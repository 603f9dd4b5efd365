import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { classifyTool, type Category } from '../../../src/policy-engine/classify/classify.js';
import { CATEGORIES } from '../../../src/policy-engine/classify/rule.js';

/** Labels that people gave to published tools. They lie beside the repository, and are no part of it. */
const FILE =
  process.env['TOOL_LABELS'] ?? fileURLToPath(new URL('../../../../shared/data/tool-labels.json', import.meta.url));

type Label = Readonly<{ server: string; tool: string; does: string; category: Category }>;
type Row = Readonly<{ label: Category; found: Category }>;

const labels = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as readonly Label[]) : [];

const classified = (some: readonly Label[]): readonly Row[] =>
  some.map(({ server, tool, does, category }) => ({
    label: category,
    found: classifyTool({ name: tool, description: does }, { name: server }).category,
  }));

const agreement = (rows: readonly Row[]): number =>
  rows.filter(({ label, found }) => label === found).length / rows.length;

/** A line for each label: how often each category was found for it, and how often a found category was the label. */
const confusion = (rows: readonly Row[]): string =>
  [
    `label \\ found   ${CATEGORIES.map((one) => one.padEnd(12)).join('')}precision`,
    ...CATEGORIES.map((label) => {
      const counts = CATEGORIES.map((found) => rows.filter((row) => row.label === label && row.found === found).length);
      const found = rows.filter((row) => row.found === label);
      const right = found.filter((row) => row.label === label).length;
      const precision = found.length === 0 ? '-' : `${Math.round((100 * right) / found.length)} %`;
      return `${label.padEnd(16)}${counts.map((count) => String(count).padEnd(12)).join('')}${precision}`;
    }),
  ].join('\n');

describe.skipIf(labels.length === 0)('The classifier beside labels of people', () => {
  const rows = classified(labels);

  test('It agrees with at least 88 % of the labels, and prints where it does not', () => {
    console.log(confusion(rows));
    expect(agreement(rows)).toBeGreaterThanOrEqual(0.88);
  });

  test('It agrees as much with the half of the labels that its rules were not made by', () => {
    expect(agreement(rows.filter((_, index) => index % 2 === 1))).toBeGreaterThanOrEqual(0.88);
  });

  test('It calls at most 2 % of the tools that destroy or move money less than Execute', () => {
    const critical = rows.filter(({ label }) => label === 'Destructive' || label === 'Financial');
    const below = critical.filter(({ found }) => found === 'Read' || found === 'Write');
    expect(below.length / critical.length).toBeLessThanOrEqual(0.02);
  });
});
