import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { classifyDefinitions } from '../../../src/control-plane/catalog/classify-request.js';

test('The page on the catalog shows what the classifier answers to its example', () => {
  const page = readFileSync(new URL('../../../docs/catalog.md', import.meta.url), 'utf8');
  const [, asked = ''] = /-d '([^']+)'/.exec(page) ?? [];
  const [, answered = ''] = /```json\n([^`]+)```/.exec(page) ?? [];
  const { tools, server } = JSON.parse(asked) as { tools: { name: string }[]; server: { name: string } };
  expect(classifyDefinitions({ tools, server })).toEqual(JSON.parse(answered));
});
