import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { policySchema } from '../../../src/policy-engine/policy-schema.js';
import { badPolicies } from '../../cases/bad-policies.js';
import { decisionCases } from '../../cases/decisions.js';

const validate = new Ajv2020({ strict: false }).compile(policySchema);

/**
 * What takes more than structure to see: the language of regular expressions and of addresses, names that `__proto__`
 * hides, sums over the document.
 */
const needsReading = (name: string, pointer: string): boolean =>
  /^value \d+ of (matches|cidr)/.test(name) ||
  /__proto__|too large together|64 steps/.test(name) ||
  pointer.includes('__proto__');

describe('every document that is accepted validates', () => {
  const documents = new Map(decisionCases.map(({ document }) => [JSON.stringify(document), document]));

  test.each([...documents.values()].map((document) => ({ document: JSON.parse(JSON.stringify(document)) as unknown })))(
    '$document',
    ({ document }) => {
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    },
  );
});

describe('no document with a fault in its structure validates', () => {
  const structural = badPolicies.filter(({ name, pointer }) => !needsReading(name, pointer));

  test('that is nearly all of the table', () => {
    expect(structural.length).toBeGreaterThan(badPolicies.length * 0.8);
  });

  test.each(structural)('$name', ({ document }) => {
    expect(validate(document)).toBe(false);
  });
});

test('it says what it is, what it is about, and what holds where a document says nothing', () => {
  const found = (key: string, schema: unknown): readonly unknown[] =>
    typeof schema !== 'object' || schema === null
      ? []
      : Object.entries(schema).flatMap(([name, one]: [string, unknown]) =>
          name === key && typeof one !== 'object' ? [one] : found(key, one),
        );
  expect([policySchema['$schema'], ...found('title', policySchema)]).toEqual([
    'https://json-schema.org/draft/2020-12/schema',
    'Toolgate policy, version 1',
  ]);
  expect(found('description', policySchema)).toEqual([
    'Tools, resources and prompts without an entry',
    'By URI',
    'Refuse tools whose definition changed since, until a member accepts it',
    'For every entry that requires approval',
    "Goes before the document's, key by key",
    'Shown to the agent when this entry refuses',
  ]);
  expect(found('default', policySchema)).toEqual(['enforce', false, true, 3600, 20, 1, 'allow']);
});

test('what is published with the source is what is served', () => {
  expect(JSON.parse(readFileSync(new URL('../../../openapi/policy-v1.json', import.meta.url), 'utf8'))).toEqual(
    policySchema,
  );
});
