import { describe, expect, test, afterAll } from 'vitest';
import { request, signUp } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { startUpstream } from '../../support/upstream.js';
import { DOCUMENT, hasId, makeFor, withId } from './objects.js';
import { operationsOf, resolved, type OpenApi, type Operation } from './openapi.js';
import type { Json } from './problem.js';

const toolgate = await startTestToolgate();
const upstream = await startUpstream({ json: true });
afterAll(async () => {
  await toolgate.close();
  await upstream.close();
});

const document = (await request(`${toolgate.url}/openapi.json`, 'GET')).body as unknown as OpenApi;
const parameter = ({ parameters }: Operation, name: string) => parameters.find((one) => one.name === name);

/** The lists that are searched and sorted. The audit log has filters and an order of its own. */
const lists = operationsOf(document).filter(
  (one) => one.method === 'GET' && parameter(one, 'after') !== undefined && parameter(one, 'sort') !== undefined,
);
const tenant = await signUp(toolgate.url);

/** Three of everything, so that there is something to page through. */
const fill = async (): Promise<void> => {
  const serverId = await tenant.server(upstream.url);
  for (const path of ['/v1/approvals/{id}', '/v1/log-streams/{id}']) await makeFor(path, tenant, upstream.url);
  for (const name of ['alpha', 'beta', 'gamma']) {
    await tenant.server(upstream.url, { name });
    const policyId = await tenant.policy(serverId, DOCUMENT);
    await tenant.grant({ serverId, policyId, identityId: await tenant.identity(name) });
    await tenant.person('viewer');
    await tenant.api('POST', '/v1/api-keys', { name, role: 'viewer' });
    await tenant.api('POST', '/v1/invitations', { email: `${name}@lists.example`, role: 'viewer' });
    await tenant.api('POST', '/v1/me/organizations', { organizationName: name });
  }
};
await fill();

const read = async (path: string): Promise<readonly Json[]> => {
  const { status, body } = await tenant.api('GET', path);
  expect(status, `${path}: ${JSON.stringify(body)}`).toBe(200);
  return body['items'] as readonly Json[];
};

/** All items: one a page of a short list, ten pages or so of a long one. */
const pageByPage = async (path: string, count: number): Promise<readonly Json[]> => {
  const items: Json[] = [];
  const limit = Math.max(1, Math.floor(count / 10));
  for (let after = ''; ;) {
    const { body } = await tenant.api('GET', `${path}limit=${limit}&after=${encodeURIComponent(after)}`);
    items.push(...(body['items'] as readonly Json[]));
    if (body['hasMore'] !== true || items.length > count) return items;
    after = body['nextCursor'] as string;
  }
};

const idsOf = (items: readonly Json[]): readonly unknown[] =>
  items.map((item) => item['id'] ?? item['version'] ?? item['slug'] ?? item['name']);

/** The names in an item, its own and those beside its ids. */
const namesIn = (item: Json): readonly string[] =>
  Object.entries(item).flatMap(([key, value]) =>
    /name|email|label|tool/i.test(key) && typeof value === 'string' && value !== '' ? [value] : [],
  );

/** Whether a search by a name of the last item, in capitals, finds that item. */
const findsByName = async (path: string, whole: readonly Json[]): Promise<boolean> => {
  const newest = whole.at(-1) ?? {};
  for (const name of namesIn(newest)) {
    const found = await read(`${path}limit=1000&q=${encodeURIComponent(name.toUpperCase().slice(0, 200))}`);
    expect(found.length).toBeLessThanOrEqual(whole.length);
    if (idsOf(found).includes(idsOf([newest])[0])) return true;
  }
  return false;
};

test('every list of the API is in this walk, or says in its parameters that it has no names', () => {
  const unsorted = operationsOf(document)
    .filter(
      (one) =>
        one.method === 'GET' && parameter(one, 'limit') !== undefined && !lists.some(({ name }) => name === one.name),
    )
    .map(({ name }) => name);
  expect(lists.length).toBeGreaterThan(10);
  expect(
    unsorted.filter((name) => !/audit|usage|versions|catalog|tail|health|dead-letters|backfills/.test(name)),
  ).toEqual([]);
});

describe.each(lists.map((one) => [one.name, one] as const))('%s', (_name, operation) => {
  test('is paged, searched and sorted by every field that it names', async () => {
    const id = hasId(operation.path) ? await makeFor(operation.path, tenant, upstream.url) : '';
    if (operation.path === '/v1/servers/{id}/policies') await tenant.policy(id, DOCUMENT);
    const path = `${withId(operation.path, id)}?`;
    const whole = await read(`${path}limit=1000`);
    expect(idsOf(await pageByPage(path, whole.length))).toEqual(idsOf(whole));
    const schema = resolved(document, parameter(operation, 'sort')?.schema ?? {});
    expect(schema.enum?.length, 'fields to sort by').toBeGreaterThan(0);
    for (const sort of schema.enum ?? []) {
      const sorted = await read(`${path}limit=1000&sort=${sort}`);
      expect(new Set(idsOf(sorted)), sort).toEqual(new Set(idsOf(whole)));
      expect(idsOf(await pageByPage(`${path}sort=${sort}&`, whole.length)), sort).toEqual(idsOf(sorted));
    }
    expect(await read(`${path}q=${'no-such-name'.repeat(3)}`)).toEqual([]);
    expect(await findsByName(path, whole), 'a search by a name of an item finds it').toBe(true);
    expect((await tenant.api('GET', `${path}sort=secret`)).body).toMatchObject({
      code: 'invalid_body',
      errors: [{ pointer: '', parameter: 'sort', code: 'not_one_of' }],
    });
  });
});
