import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CATEGORIES, classifyTool, type Category } from '../../../src/policy-engine/classify/classify.js';
import { TOOL_LABELS, type ToolLabel } from '../../cases/tool-labels.js';

/** Another collection of labels to measure with, as a JSON file: a list of `ToolLabel`. */
const FILE = process.env['TOOL_LABELS'];

const labels = FILE === undefined ? TOOL_LABELS : (JSON.parse(readFileSync(FILE, 'utf8')) as readonly ToolLabel[]);

type Row = Readonly<{ tool: string; label: Category; found: Category }>;

const rows: readonly Row[] = labels.map(({ server, tool, does, category }) => ({
  tool,
  label: category,
  found: classifyTool({ name: tool, description: does }, { name: server }).category,
}));

const agreement = (some: readonly Row[]): number =>
  some.filter(({ label, found }) => label === found).length / some.length;

/** A line for each label: how often each category was found for it, and how often a found category was the label. */
const confusion = (): string =>
  [
    `label \\ found   ${CATEGORIES.map((one) => one.padEnd(12)).join('')}precision`,
    ...CATEGORIES.map((label) => {
      const counts = CATEGORIES.map((found) => rows.filter((row) => row.label === label && row.found === found).length);
      const found = rows.filter((row) => row.found === label);
      const right = found.filter((row) => row.label === label).length;
      const precision = found.length === 0 ? '-' : `${Math.round((100 * right) / found.length)} %`;
      return `${label.padEnd(16)}${counts.map((count) => String(count).padEnd(12)).join('')}${precision}`;
    }),
    ...rows.flatMap(({ tool, label, found }) => (label === found ? [] : `${tool}: label ${label}, found ${found}`)),
  ].join('\n');

describe('The classifier beside labels of our own', () => {
  test('It agrees with at least 88 % of the labels, and prints where it does not', () => {
    console.log(confusion());
    expect(agreement(rows)).toBeGreaterThanOrEqual(0.88);
  });

  test.each(CATEGORIES)('It finds %s for at least three in four tools with that label', (category) => {
    expect(agreement(rows.filter(({ label }) => label === category))).toBeGreaterThanOrEqual(0.75);
  });

  test('It calls at most 2 % of the tools that destroy or move money less than Execute', () => {
    const critical = rows.filter(({ label }) => label === 'Destructive' || label === 'Financial');
    const below = critical.filter(({ found }) => found === 'Read' || found === 'Write');
    expect(below.length / critical.length).toBeLessThanOrEqual(0.02);
  });
});
