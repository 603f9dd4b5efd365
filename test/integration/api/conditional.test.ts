import { describe, expect } from 'vitest';
import { request } from '../../support/tenant.js';
import { tenantTest } from '../../support/product-test.js';
import { changeableThings } from './changeable.js';
import { operationsOf, type OpenApi } from './openapi.js';

const { test, toolgate, tenant } = tenantTest();

const etagOf = async (path: string): Promise<string> =>
  (await tenant.api('GET', path)).headers.get('etag') ?? 'no ETag';

describe.each(Object.entries(changeableThings(tenant)))('a changeable %s', (_name, { make, method, change }) => {
  test('has its version as ETag, and a change with that ETag makes the next one', async () => {
    const path = await make();
    const first = await tenant.api('GET', path);
    expect(first.headers.get('etag')).toBe(`"${String(first.body['version'])}"`);
    const changed = await tenant.api(method, path, change(1), { 'if-match': await etagOf(path) });
    expect([changed.status, changed.body['version']]).toEqual([200, (first.body['version'] as number) + 1]);
    expect(changed.headers.get('etag')).toBe(await etagOf(path));
  });

  test('takes the weak ETag that a compressing proxy makes, also in a list, and *', async () => {
    const path = await make();
    for (const [n, tags] of ['W/#', '"999", W/#', '*'].entries()) {
      const ifMatch = tags.replace('#', await etagOf(path));
      expect((await tenant.api(method, path, change(n + 10), { 'if-match': ifMatch })).status).toBe(200);
    }
  });

  test('refuses a change that names another version, and stays as it is', async () => {
    const path = await make();
    const before = await tenant.api('GET', path);
    for (const ifMatch of ['"999"', 'W/"999"', 'nonsense']) {
      const { status, body } = await tenant.api(method, path, change(2), { 'if-match': ifMatch });
      expect([status, body['code']]).toEqual([412, 'precondition_failed']);
    }
    expect((await tenant.api('GET', path)).body).toEqual(before.body);
  });

  test('takes one of two changes that are sent at once with one ETag, and tells the other', async () => {
    const path = await make();
    for (let round = 0; round < 10; round += 1) {
      const ifMatch = await etagOf(path);
      const answers = await Promise.all(
        [1, 2].map((n) => tenant.api(method, path, change(round * 2 + n + 100), { 'if-match': ifMatch })),
      );
      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 412]);
    }
  });

  test('is never answered with 304, as its ETag is not that of all its members', async () => {
    const path = await make();
    const { status } = await tenant.api('GET', path, undefined, { 'if-none-match': await etagOf(path) });
    expect(status).toBe(200);
  });
});

test('every PUT and PATCH takes If-Match', async () => {
  const document = (await request(`${toolgate.url}/openapi.json`, 'GET')).body as unknown as OpenApi;
  const changes = operationsOf(document).filter(
    ({ method, path }) =>
      /^(PUT|PATCH)$/.test(method) &&
      /^\/v1\/(policies|grants|identities|approvals|organization|members|servers|notifications|log-streams)\b/.test(
        path,
      ),
  );
  expect(changes.length).toBeGreaterThan(3);
  for (const { name, parameters } of changes)
    expect(
      parameters.map((parameter) => parameter.name),
      name,
    ).toContain('If-Match');
});

test('a change of the organization holds If-Match, and its ETag is its version', async () => {
  const { body, headers } = await tenant.api('GET', '/v1/organization');
  expect(headers.get('etag')).toBe(`"${String(body['version'])}"`);
  const change = (disabled: boolean, ifMatch: string) =>
    tenant.api('PATCH', '/v1/organization', { disabled }, { 'if-match': ifMatch });
  expect((await change(true, '"999"')).status).toBe(412);
  expect((await change(true, headers.get('etag') ?? '')).status).toBe(200);
  expect((await change(false, headers.get('etag') ?? '')).status).toBe(412);
  expect((await change(false, '*')).body['version']).toBe((body['version'] as number) + 2);
});
