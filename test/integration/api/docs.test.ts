import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { docsPage } from '../../../src/platform/rest/docs-page.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();

describe('the page at /docs', () => {
  test('names every operation and every schema of the document, and links to nothing that is not there', async () => {
    const document = JSON.parse(await (await fetch(`${toolgate.url}/openapi.json`)).text()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
      components: { schemas: Record<string, unknown> };
    };
    const page = await (await fetch(`${toolgate.url}/docs`)).text();
    for (const operations of Object.values(document.paths))
      for (const { operationId } of Object.values(operations)) expect(page).toContain(`id="${operationId}"`);
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  test(
    'has no script and loads nothing, and its policy allows the one style by its hash and nothing ' +
      'else: it reads the same over plain http under any name',
    async () => {
      const response = await fetch(`${toolgate.url}/docs`);
      const page = await response.text();
      expect(page).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\sstyle=|\son\w+=|@import|url\(/i);
      const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? '';
      expect(response.headers.get('content-security-policy')).toBe(
        `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
          `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      );
      expect((await fetch(`${toolgate.url}/v1/me`)).headers.get('content-security-policy')).not.toMatch(
        /upgrade-insecure-requests|unsafe-inline/,
      );
    },
  );

  test('shows what a document says as text', () => {
    const evil = '<script>alert(1)</script>"\'&';
    const page = docsPage({
      openapi: '3.0.0',
      info: { title: evil, description: evil, version: '1' },
      paths: {
        [`/${evil}`]: {
          get: { operationId: evil, summary: evil, tags: [evil], responses: { 200: { description: evil } } },
        },
      },
      components: { schemas: { [evil]: { type: 'string', enum: [evil] } } },
    });
    expect(page).not.toContain('<script');
    expect(page).not.toMatch(/(id|href)="[^"]*'/);
  });
});

test('no package of this product reports installations to anybody', async () => {
  expect(await readFile(new URL('../../../package-lock.json', import.meta.url), 'utf8')).not.toMatch(/@scarf\/scarf/);
});

test.each(['/openapi.json', '/openapi.yaml'])(
  '%s is the same text with the same type each time, and is written once',
  async (path) => {
    const get = async () => {
      const response = await fetch(`${toolgate.url}${path}`);
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        nosniff: response.headers.get('x-content-type-options'),
        text: await response.text(),
      };
    };
    const first = await get();
    expect(first).toMatchObject({
      status: 200,
      type: expect.stringMatching(/^(application\/json|text\/yaml)/),
      nosniff: 'nosniff',
    });
    const stringify = vi.spyOn(JSON, 'stringify');
    const keys = vi.spyOn(Object, 'keys');
    try {
      expect(await get()).toEqual(first);
      expect(
        stringify.mock.calls.filter(([value]) => typeof value === 'object' && value !== null && 'openapi' in value),
      ).toEqual([]);
      expect(keys.mock.calls.filter(([value]) => 'openapi' in value)).toEqual([]);
    } finally {
      stringify.mockRestore();
      keys.mockRestore();
    }
  },
);
