import { readCef } from '../../support/read-cef.js';
import { ecsFaults, ocsfFaults } from '../../support/siem-schemas.js';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { signUp, type Answer } from '../../support/tenant.js';
import { append, completed, decided, numbers, until } from './audit-support.js';

const { test, toolgate, tenant } = tenantTest();

const keys: Record<string, string> = {};

const as = (role: string, path: string): Promise<Answer> =>
  tenant.api('GET', path, undefined, { authorization: `Bearer ${keys[role] ?? ''}` });

test.beforeAll(async () => {
  for (const role of ['policy_manager', 'approver', 'auditor', 'viewer'])
    keys[role] = (await tenant.api('POST', '/v1/api-keys', { name: role, role })).body['secret'] as string;
  await append(toolgate.toolgate.eventLog, [
    ...numbers(20).map((n) => decided(tenant.organizationId, { effect: n % 4 === 0 ? 'deny' : 'allow' })),
    ...numbers(15).map((n) => completed(tenant.organizationId, { status: n % 5 === 0 ? 'timeout' : 'ok' })),
  ]);
  await until(async () => (await tenant.events('&type=toolCall.completed')).length === 15);
});

describe('GET /v1/audit/events', () => {
  test('answers every event of the organization, sign-up included, in pages, dense from 1', async () => {
    const all = await tenant.events();
    expect(all.map((item) => item['seq'])).toEqual(numbers(all.length));
    expect(all.map((item) => item['type'])).toEqual(
      expect.arrayContaining([
        'organization.created',
        'member.joined',
        'apiKey.issued',
        'toolCall.decided',
        'toolCall.completed',
      ]),
    );
    const first = await tenant.api('GET', '/v1/audit/events?limit=2');
    expect(first.body).toEqual({ items: all.slice(0, 2), nextCursor: expect.any(String), hasMore: true });
    const second = await tenant.api('GET', `/v1/audit/events?limit=2&after=${String(first.body['nextCursor'])}`);
    expect(second.body['items']).toEqual(all.slice(2, 4));
    expect(await tenant.events('&effect=deny&type=toolCall.decided')).toHaveLength(5);
  });

  test('is open to auditor, policy_manager and viewer alone', async () => {
    const statuses = await Promise.all(
      ['auditor', 'policy_manager', 'viewer', 'approver'].map(
        async (role) => (await as(role, '/v1/audit/events')).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 200, 403]);
    expect((await as('nobody', '/v1/audit/events')).status).toBe(401);
  });

  test.each([
    'limit=0',
    'limit=1001',
    'after=abc',
    'after=c3J2XzE',
    'from=yesterday',
    'effect=maybe',
    'grantId=7',
    'unknown=1',
    'tool=',
    'code=denied',
    'type=toolCall.decidid',
    'actorId=',
    'order=newest',
    'effect=deny&effect=maybe',
    'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
  ])('a search with ?%s is refused, and the refusal names the parameter', async (query) => {
    const { status, body } = await tenant.api('GET', `/v1/audit/events?${query}`);
    expect([status, body['code']]).toEqual([400, 'invalid_body']);
    expect(JSON.stringify(body['errors'])).toContain(query.split('=')[0]);
  });

  test('a time whose + was not encoded is refused with a hint at %2B', async () => {
    const { status, body } = await tenant.api('GET', '/v1/audit/events?from=2026-01-01T00:00:00+01:00');
    expect([status, JSON.stringify(body['errors'])]).toEqual([400, expect.stringContaining('%2B')]);
    expect((await tenant.api('GET', '/v1/audit/events?from=2026-01-01T00:00:00%2B01:00')).status).toBe(200);
  });

  test('a filter given twice means any of its values', async () => {
    const both = await tenant.events('&type=apiKey.issued&type=member.joined');
    expect(new Set(both.map((item) => item['type']))).toEqual(new Set(['apiKey.issued', 'member.joined']));
  });

  test('shows another organization its own events only', async () => {
    const stranger = await signUp(toolgate.url);
    await until(async () => (await stranger.events()).length > 0);
    for (const item of await stranger.events()) expect(item['organizationId']).toBe(stranger.organizationId);
  });
});

describe('GET /v1/audit/export', () => {
  test('is an attachment with the items of the list, as NDJSON and as CSV', async () => {
    const ndjson = await as('auditor', '/v1/audit/export?format=ndjson');
    expect([ndjson.status, ndjson.headers.get('content-type'), ndjson.headers.get('content-disposition')]).toEqual([
      200,
      'application/x-ndjson',
      'attachment; filename="toolgate-audit.ndjson"',
    ]);
    const lines = (ndjson.body['text'] as string)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual((await tenant.events()).slice(0, lines.length));
    const csv = await as('policy_manager', '/v1/audit/export?format=csv');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect((csv.body['text'] as string).split('\r\n')[0]).toMatch(/^seq,recordedAt,id,type,time,/);
    await until(async () => (await tenant.events('&type=audit.exported')).length >= 2);
  });

  test('takes a range of recording times', async () => {
    expect((await as('auditor', '/v1/audit/export?format=ndjson&to=2020-01-01T00:00:00Z')).body).toEqual({ text: '' });
    const csv = await as('auditor', '/v1/audit/export?format=csv&from=2100-01-01T00:00:00Z');
    expect((csv.body['text'] as string).trimEnd().split('\r\n')).toHaveLength(1);
  });

  test('is open to auditor and policy_manager alone', async () => {
    const statuses = await Promise.all(
      ['viewer', 'approver'].map(async (role) => (await as(role, '/v1/audit/export?format=csv')).status),
    );
    expect(statuses).toEqual([403, 403]);
  });

  test('writes what happened in OCSF, ECS and CEF, each record valid and with its number', async () => {
    const text = async (format: string): Promise<readonly string[]> =>
      ((await as('auditor', `/v1/audit/export?format=${format}`)).body['text'] as string).trimEnd().split('\n');
    const count = (await tenant.events()).length;
    const ocsf = (await text('ocsf')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(ocsf.flatMap(ocsfFaults)).toEqual([]);
    const numbers = ocsf.map(({ metadata }) => (metadata as Record<string, unknown>)['sequence']);
    expect(numbers).toEqual(ocsf.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(count);
    const ecs = (await text('ecs')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(ecs.flatMap((document) => ecsFaults(document))).toEqual([]);
    for (const line of await text('cef')) expect(readCef(line).extension.get('cn1Label')).toBe('seq');
  });

  test('refuses formats that are none', async () => {
    for (const query of ['format=xml', '', 'format=csv&from=now'])
      expect((await as('auditor', `/v1/audit/export?${query}`)).status).toBe(400);
  });
});

describe('GET /v1/usage', () => {
  test('counts the last 24 hours for every role, with one key for each group', async () => {
    const items = async (role: string, query: string): Promise<readonly Record<string, unknown>[]> =>
      (await as(role, `/v1/usage?${query}`)).body['items'] as Record<string, unknown>[];
    await until(
      async () =>
        (await items('approver', 'interval=day')).reduce((sum, item) => sum + Number(item['completed']), 0) === 12,
    );
    const effects = await items('viewer', 'groupBy=effect,tool&interval=day');
    const sum = (effect: string, name: string): number =>
      effects.filter((item) => item['effect'] === effect).reduce((total, item) => total + Number(item[name]), 0);
    expect([sum('allow', 'calls'), sum('allow', 'completed'), sum('allow', 'failed'), sum('deny', 'calls')]).toEqual([
      15, 12, 3, 5,
    ]);
    for (const item of effects)
      expect(Object.keys(item).toSorted()).toEqual(['calls', 'completed', 'effect', 'failed', 'from', 'tool']);
    expect(await items('viewer', 'to=2020-01-01T00:00:00Z')).toEqual([]);
  });

  test.each(['groupBy=colour', 'interval=week', 'from=2020-01-01T00:00:00Z', 'to=now', 'limit=1'])(
    'refuses ?%s',
    async (query) => {
      const { status, body } = await tenant.api('GET', `/v1/usage?${query}`);
      expect([status, body['code']]).toEqual([400, 'invalid_body']);
    },
  );
});
