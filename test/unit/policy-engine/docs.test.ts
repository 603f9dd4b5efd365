import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parsePolicy } from '../../../src/policy-engine/parse.js';

const page = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');

/** Examples under the heading of their feature. */
const examples = [...page.matchAll(/^```json\n([^]*?)^```$/gm)].map((match) => ({
  heading: [...page.slice(0, match.index).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '',
  text: match[1] ?? '',
}));

test.each(examples)('the example under "$heading" in docs/policies.md is a policy without errors', ({ text }) => {
  const parsed = parsePolicy(JSON.parse(text));
  expect(parsed.ok ? [] : parsed.errors).toEqual([]);
});

test('docs/policies.md has an example of every key of the document and of an entry', () => {
  const keys = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key);
  const all = examples.map(({ text }) => text).join('\n');
  expect(keys.length).toBeGreaterThanOrEqual(20);
  expect(keys.filter((key) => !all.includes(`"${key}"`))).toEqual([]);
});
