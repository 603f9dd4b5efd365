import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { blank, textOf } from '../../builders/json-text.js';
import { scaled } from '../../support/scaled.js';
import { signUp } from '../../support/tenant.js';

const { test, toolgate, tenant } = tenantTest();

type Json = Record<string, unknown>;

let serverId = '';
test.beforeAll(async () => {
  serverId = await tenant.server('http://127.0.0.1:9/', { name: 'GitLab' });
});

const create = (body: Json) => tenant.api('POST', `/v1/servers/${serverId}/policies`, body);

const name = fc.stringMatching(/^[a-zA-Z0-9ü_]{1,12}$/);
const text = fc
  .tuple(
    fc.constantFrom('allow', 'deny'),
    fc.uniqueArray(name, { maxLength: 5 }),
    fc.uniqueArray(name, { maxLength: 3 }),
    fc.array(blank, { minLength: 1, maxLength: 9 }),
  )
  .map(([unlisted, tools, hide, blanks]) => {
    const document = {
      version: '1',
      default: unlisted,
      hide,
      tools: Object.fromEntries(tools.map((tool, n) => [tool, n % 2 ? { action: 'deny', reason: 'no' } : {}])),
    };
    return `${blanks[0] ?? ''}${textOf(document, blanks)}${blanks.at(-1) ?? ''}`;
  });

const TEXTS = scaled(500, 60);
const OLDER = TEXTS / 2;

describe("a policy's source", () => {
  test(
    'generated texts come back byte for byte when created, replaced, listed as versions and ' + 'restored',
    async () => {
      const texts = fc.sample(text, {
        numRuns: TEXTS,
        ...(process.env['SEED'] ? { seed: Number(process.env['SEED']) } : {}),
      });
      const created = await create({ name: 'texts', source: texts[0] });
      expect([created.status, created.body['source']]).toEqual([201, texts[0]]);
      const path = `/v1/policies/${String(created.body['id'])}`;
      for (const [index, source] of texts.entries()) {
        if (index === 0) continue;
        const { status, body } = await tenant.api('PUT', path, { source }, { 'if-match': `"${index}"` });
        expect([status, body['source']]).toEqual([200, source]);
        expect(body['document']).toEqual(JSON.parse(source));
      }
      const versions = (await tenant.api('GET', `${path}/versions?limit=1000`)).body['items'] as readonly Json[];
      expect(versions.map(({ source }) => source)).toEqual(texts);
      const old = (await tenant.api('GET', `${path}/versions/${OLDER}`)).body;
      expect([old['version'], old['source']]).toEqual([OLDER, texts[OLDER - 1]]);
      const restored = await tenant.api('PUT', path, { source: old['source'] }, { 'if-match': '*' });
      expect([restored.body['version'], restored.body['source']]).toEqual([TEXTS + 1, texts[OLDER - 1]]);
      expect((await tenant.api('GET', path)).body['source']).toBe(texts[OLDER - 1]);
    },
    120_000,
  );

  test('a document that is sent as a value keeps the order of its keys, and has a text', async () => {
    const document = { tools: { zeta: {}, alpha: {} }, default: 'deny', version: '1' };
    const { body } = await create({ name: 'value', document });
    const read = (await tenant.api('GET', `/v1/policies/${String(body['id'])}`)).body;
    expect(JSON.stringify(read['document'])).toBe(JSON.stringify(document));
    expect(JSON.parse(read['source'] as string)).toEqual(document);
  });

  test(
    'a name alone makes a new version with the same text, and without a document nothing is ' + 'checked anew',
    async () => {
      const source = '{ "version":"1",\n\t"default":"deny" }';
      const { body } = await create({ name: 'before', source });
      const path = `/v1/policies/${String(body['id'])}`;
      const renamed = await tenant.api('PUT', path, { name: 'after' }, { 'if-match': '"1"' });
      expect(renamed).toMatchObject({ status: 200, body: { name: 'after', version: 2, source } });
      expect((await tenant.api('GET', `${path}/versions/1`)).body['name']).toBe('before');
    },
  );

  test.each([
    ['no JSON', '{', 'policy_invalid', 422],
    ['a key twice', '{"version":"1","version":"1","default":"deny"}', 'policy_invalid', 422],
    ['an unknown key', '{"version":"1","default":"deny","surprise":1}', 'unsupported_key', 422],
  ])('a source with %s is refused', async (_what, source, code, status) => {
    expect(await create({ name: 'x', source })).toMatchObject({ status, body: { code, errors: [expect.anything()] } });
  });

  test('a policy is sent as a document or as a source, not both and not neither', async () => {
    const document = { version: '1', default: 'deny' };
    for (const body of [{ name: 'x' }, { name: 'x', document, source: JSON.stringify(document) }])
      expect(await create(body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
  });

  test.each(['0', '2', '1.0', 'x', '9999999999'])('version %s of a policy with one version is not found', async (n) => {
    const { body } = await create({ name: 'one', source: '{"version":"1","default":"deny"}' });
    const { status } = await tenant.api('GET', `/v1/policies/${String(body['id'])}/versions/${n}`);
    expect(status).toBe(404);
  });
});

test('policies of all servers are listed, searched by their and their server’s name, and sorted', async () => {
  const own = await signUp(toolgate.url);
  const servers = [await own.server('http://127.0.0.1:9/', { name: 'Alpha' }), await own.server('http://127.0.0.1:9/')];
  const document = { version: '1', default: 'deny' };
  for (const [index, policy] of ['three', 'one', 'two'].entries())
    await own.api('POST', `/v1/servers/${servers[index % 2] ?? ''}/policies`, { name: policy, document });
  const names = async (query: string): Promise<readonly unknown[]> =>
    ((await own.api('GET', `/v1/policies${query}`)).body['items'] as readonly Json[]).map((item) => item['name']);
  expect(await names('')).toEqual(['three', 'one', 'two']);
  expect(await names('?sort=name')).toEqual(['one', 'three', 'two']);
  expect(await names('?sort=-createdAt')).toEqual(['two', 'one', 'three']);
  expect(await names('?q=alph')).toEqual(['three', 'two']);
  expect(await names(`?serverId=${servers[1] ?? ''}`)).toEqual(['one']);
  const first = (await own.api('GET', '/v1/policies?sort=name&limit=2')).body;
  expect(await names(`?sort=name&limit=2&after=${String(first['nextCursor'])}`)).toEqual(['two']);
  expect((first['items'] as readonly Json[])[0]).toMatchObject({ serverName: 'Upstream' });
});
