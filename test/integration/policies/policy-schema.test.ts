import { get } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect } from 'vitest';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { badPolicies } from '../../cases/bad-policies.js';
import { decisionCases } from '../../cases/decisions.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();
let response: Response;
let validate: ReturnType<Ajv2020['compile']>;

test.beforeAll(async () => {
  response = await fetch(`${toolgate.url}/schemas/policy-v1.json`);
  validate = new Ajv2020({ strict: false }).compile((await response.json()) as object);
});

describe('the schema of policies', () => {
  test('is served to anyone as a schema that caches may keep, under its own address', async () => {
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/schema\+json/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await (await fetch(response.url)).json()).toMatchObject({
      $id: response.url,
      $schema: 'https://json-schema.org/draft/2020-12/schema',
    });
    // fetch asks past every cache as soon as it is given a condition.
    const again = await new Promise((resolve) =>
      get(response.url, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } }, ({ statusCode }) =>
        resolve(statusCode),
      ),
    );
    expect(again).toBe(304);
  });

  test('takes every document that is accepted on save', () => {
    const documents = decisionCases.map(({ document }) => JSON.parse(JSON.stringify(document)) as unknown);
    expect(documents.length).toBeGreaterThan(50);
    for (const document of documents)
      expect([parsePolicy(document).ok, validate(document)], JSON.stringify(document)).toEqual([true, true]);
  });

  test('takes no document that is refused for its structure', () => {
    const documents = badPolicies.map(({ document }) => document);
    const taken = documents.filter((document) => validate(document));
    for (const document of documents) expect(parsePolicy(document).ok).toBe(false);
    // What takes more than structure to see: see the table of the unit test.
    expect(taken.length).toBeLessThan(documents.length / 5);
  });
});
