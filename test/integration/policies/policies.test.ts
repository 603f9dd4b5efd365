import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { call, join, signUp, type Answer, type Person } from '../accounts/client.js';

const capped = {
  version: '1',
  default: 'deny',
  tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
};
const open = { version: '1', default: 'allow' };

const { test, toolgate } = productTest();
let upstream: Upstream;
let admin: Person;
let manager: Person;
let viewer: Person;
let other: Person;
let serverId: string;
let policyId: string;

const as =
  (person: Person) =>
  (what: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
    call(toolgate.url, what, { token: person.token, body, headers });
const ask = (what: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
  as(manager)(what, body, headers);
const registered = async (person: Person): Promise<string> =>
  (await as(person)('POST /v1/servers', { name: 'GitLab', transport: { type: 'streamable-http', url: upstream.url } }))
    .body.id;
const create = (document: unknown, name = 'p'): Promise<Answer> =>
  ask(`POST /v1/servers/${serverId}/policies`, { name, document });
const publish = (document: unknown, ifMatch?: string): Promise<Answer> =>
  ask(`PUT /v1/policies/${policyId}`, { document }, ifMatch === undefined ? {} : { 'if-match': ifMatch });

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('cancel_job'), aTool('list_issues')] });
  admin = await signUp(toolgate.url);
  manager = await join(toolgate.url, admin, 'policy_manager');
  viewer = await join(toolgate.url, admin, 'viewer');
  other = await signUp(toolgate.url);
  serverId = await registered(admin);
});

test.beforeEach(async () => {
  policyId = (await create(capped)).body.id;
});

test.afterAll(async () => {
  await upstream?.close();
});

describe('a policy', () => {
  test('is created as version 1 and read back with its ETag', async () => {
    const made = await create(capped, 'capped');
    expect(made).toMatchObject({ status: 201 });
    expect(made.headers.get('etag')).toBe('"1"');
    expect(made.body).toEqual({
      id: expect.stringMatching(/^pol_/),
      serverId,
      serverName: 'GitLab',
      name: 'capped',
      version: 1,
      document: capped,
      source: JSON.stringify(capped, null, 2),
      warnings: [],
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: made.body.createdAt,
    });
    const read = await as(viewer)(`GET /v1/policies/${made.body.id}`);
    expect(read.headers.get('etag')).toBe('"1"');
    expect(read.body).toEqual(made.body);
  });

  test('keeps tools whose names other programs stumble over, as they were sent', async () => {
    const text =
      '{"name":"p","document":{"version":"1","default":"allow","hide":["prototype"],' +
      '"tools":{"constructor":{"action":"deny"},"__proto__":{"action":"deny"},"prototype":{"action":"deny"},' +
      '"a/b~c":{"action":"deny"}}}}';
    const response = await fetch(`${toolgate.url}/v1/servers/${serverId}/policies`, {
      method: 'POST',
      headers: { authorization: `Bearer ${manager.token}`, 'content-type': 'application/json' },
      body: text,
    });
    const { id, document } = (await response.json()) as { id: string; document: { tools: object } };
    expect(Object.keys(document.tools).sort()).toEqual(['__proto__', 'a/b~c', 'constructor', 'prototype']);
    for (const tool of ['constructor', '__proto__', 'prototype', 'a/b~c'])
      expect((await ask(`POST /v1/policies/${id}/decide`, { tool })).body).toMatchObject({ effect: 'deny' });
  });

  test('with the same Idempotency-Key is created once', async () => {
    const body = { name: 'once', document: open };
    const [first, second] = [
      await ask(`POST /v1/servers/${serverId}/policies`, body, { 'idempotency-key': 'p1' }),
      await ask(`POST /v1/servers/${serverId}/policies`, body, { 'idempotency-key': 'p1' }),
    ];
    expect(second.body).toEqual(first.body);
  });

  test('is written by policy managers, read by every role, and not found by another organization', async () => {
    const body = { name: 'p', document: open };
    for (const what of [
      `POST /v1/servers/${serverId}/policies`,
      `PUT /v1/policies/${policyId}`,
      'POST /v1/policies/validate',
      `POST /v1/policies/${policyId}/decide`,
      `DELETE /v1/policies/${policyId}`,
    ])
      expect((await as(viewer)(what, body)).status).toBe(403);
    for (const what of [
      `GET /v1/policies/${policyId}`,
      `GET /v1/policies/${policyId}/versions`,
      `GET /v1/servers/${serverId}/policies`,
    ]) {
      expect((await as(viewer)(what)).status).toBe(200);
      expect(await as(other)(what)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect((await as(other)(`PUT /v1/policies/${policyId}`, { document: open }, { 'if-match': '*' })).status).toBe(404);
    expect((await as(other)(`DELETE /v1/policies/${policyId}`)).status).toBe(404);
    expect((await as(other)(`POST /v1/policies/${policyId}/decide`, { tool: 'x' })).status).toBe(404);
    expect((await as(other)(`POST /v1/servers/${serverId}/policies`, body)).status).toBe(404);
    expect((await as(other)('POST /v1/policies/validate', { document: open, serverId })).status).toBe(404);
    expect((await ask('GET /v1/policies/pol_%00')).status).toBe(404);
  });

  test('is listed with its server’s others, page by page', async () => {
    const person = await signUp(toolgate.url);
    const server = await registered(person);
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1)
      ids.push(
        (await as(person)(`POST /v1/servers/${server}/policies`, { name: `p${index}`, document: open })).body.id,
      );
    await as(person)(`POST /v1/servers/${await registered(person)}/policies`, { name: 'elsewhere', document: open });
    const first = (await as(person)(`GET /v1/servers/${server}/policies?limit=2`)).body;
    const second = (await as(person)(`GET /v1/servers/${server}/policies?limit=2&after=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ id }: { id: string }) => id)).toEqual(ids);
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  });
});

describe('a document that is not valid', () => {
  test.each([
    ['a key that nobody knows', { ...open, surprise: 1 }, 'unsupported_key', ['/surprise']],
    [
      'keys in places that do not have them',
      { ...open, all_tools: { approval: {} }, deny_if: [] },
      'unsupported_key',
      ['/all_tools/approval', '/deny_if'],
    ],
    [
      'everything wrong at once',
      { version: '2', surprise: 1, tools: { a: { action: 'maybe' } } },
      'policy_invalid',
      ['/version', '/surprise', '/tools/a/action', '/default'],
    ],
    ['a text', 'deny', 'policy_invalid', ['']],
    ['a list', [], 'policy_invalid', ['']],
  ])('is refused for %s, with every error at once', async (_what, document, code, pointers) => {
    for (const answer of [await create(document), await publish(document, '*')]) {
      expect(answer).toMatchObject({ status: 422, body: { code } });
      expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
    }
    const { status, body } = await ask('POST /v1/policies/validate', { document });
    expect(status).toBe(200);
    expect(body).toMatchObject({ valid: false, warnings: [] });
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  });

  test('over 256 KiB, or nested without end, is too large', async () => {
    const large = { ...open, hide: Array.from({ length: 3000 }, (_, index) => `${'x'.repeat(95)}${index}`) };
    expect(await create(large)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    const response = await fetch(`${toolgate.url}/v1/policies/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${manager.token}`, 'content-type': 'application/json' },
      body: `{"document":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    });
    expect([413, 400]).toContain(response.status);
  });

  test.each([
    { document: open },
    { name: '', document: open },
    { name: 'p' },
    { name: 'p', document: null },
    { name: 'p', document: open, id: 'x' },
    [],
  ])('is not even looked at in a body like %o', async (body) => {
    expect(await ask(`POST /v1/servers/${serverId}/policies`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_body' },
    });
  });

  test('changes nothing', async () => {
    await publish({ version: '9' }, '*');
    expect((await ask(`GET /v1/policies/${policyId}`)).body).toMatchObject({ version: 1, document: capped });
  });
});

describe('warnings', () => {
  test('tell of a limit by session and of tools that the server does not have', async () => {
    const document = {
      ...open,
      hide: ['typo', 'x*'],
      tools: {
        cancel_jobs: {},
        cancel_job: { limits: [{ counter: 'c', window: 60, max: 1, scope: 'session' }] },
        'list_*': {},
      },
    };
    const expected = [
      { pointer: '/tools/cancel_job/limits/0/scope', code: 'session_scope' },
      { pointer: '/hide/0', code: 'unknown_tool' },
      { pointer: '/tools/cancel_jobs', code: 'unknown_tool' },
    ];
    expect((await create(document)).body.warnings).toMatchObject(expected);
    expect((await ask('POST /v1/policies/validate', { document, serverId })).body).toMatchObject({
      valid: true,
      errors: [],
      warnings: expected,
    });
    expect((await ask('POST /v1/policies/validate', { document })).body.warnings).toMatchObject(expected.slice(0, 1));
  });

  test(
    'tell of tools whose schemas can not be checked, where the policy checks arguments, and so does ' + 'the server',
    async () => {
      const schemas = {
        plain: { properties: { a: { type: 'string' } } },
        none: { properties: {} },
        blank: {},
        looks_ahead: { properties: { a: { pattern: '(?!x)' } } },
        large: { properties: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`p${at}`, true])) },
        old: { $schema: 'http://json-schema.org/draft-04/schema#', properties: { a: { type: 'string' } } },
      };
      const uncheckable = await startUpstream({
        tools: Object.entries(schemas).map(([name, schema]) => ({
          ...aTool(name),
          inputSchema: { type: 'object', ...schema },
        })),
      });
      try {
        const server = (
          await as(admin)('POST /v1/servers', {
            name: 'Large',
            transport: { type: 'streamable-http', url: uncheckable.url },
          })
        ).body;
        expect(server).toMatchObject({
          status: 'ready',
          statusDetail: "check_arguments can't check the input schema of 3 tools (looks_ahead, large, old).",
        });
        const expected = [
          {
            pointer: '/check_arguments',
            code: 'uncheckable_schema',
            message: "refuses every call of 3 tools (looks_ahead, large, old): the input schema can't be checked",
          },
          {
            pointer: '/check_arguments',
            code: 'blank_schema',
            message: 'refuses every argument of 1 tool (blank): the input schema names none',
          },
        ];
        const unchecking = { ...open, hide: ['zzz*'] };
        const checking = { ...unchecking, check_arguments: true };
        const made = await ask(`POST /v1/servers/${server.id}/policies`, { name: 'p', document: checking });
        expect(made.body.warnings).toEqual(expected);
        expect(
          (await ask(`PUT /v1/policies/${made.body.id}`, { document: unchecking }, { 'if-match': '*' })).body.warnings,
        ).toEqual([]);
        expect(
          (await ask(`PUT /v1/policies/${made.body.id}`, { document: checking }, { 'if-match': '*' })).body.warnings,
        ).toEqual(expected);
        expect((await ask(`GET /v1/policies/${made.body.id}`)).body.warnings).toEqual(expected);
        expect((await ask(`GET /v1/servers/${server.id}/policies`)).body.items).toMatchObject([{ warnings: expected }]);
        expect(
          (await ask('POST /v1/policies/validate', { document: checking, serverId: server.id })).body.warnings,
        ).toEqual(expected);
      } finally {
        await uncheckable.close();
      }
    },
  );
});

describe('a new version', () => {
  test('needs If-Match', async () => {
    expect(await publish(open)).toMatchObject({ status: 428, body: { code: 'precondition_required' } });
    expect((await ask(`GET /v1/policies/${policyId}`)).body.version).toBe(1);
  });

  test('of a policy that is not there is not found, also without If-Match', async () => {
    expect(await ask(`PUT /v1/policies/pol_${'0'.repeat(26)}`, { document: open })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test.each(['"1"', '1', '*', '"7", "1"'])('is published for If-Match: %s', async (ifMatch) => {
    const answer = await publish(open, ifMatch);
    expect(answer).toMatchObject({ status: 200, body: { version: 2, document: open, name: 'p' } });
    expect(answer.headers.get('etag')).toBe('"2"');
  });

  test.each(['"2"', '0', 'W/"2"', '"01"', 'one', '1.0'])('is refused for If-Match: %s', async (ifMatch) => {
    expect(await publish(open, ifMatch)).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
  });

  test('is published once of two that were based on the same version', async () => {
    const answers = await Promise.all([publish(open, '"1"'), publish(capped, '"1"')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test('is kept with all before it, who published it and when', async () => {
    await ask(`PUT /v1/policies/${policyId}`, { name: 'renamed', document: open }, { 'if-match': '"1"' });
    await as(admin)(`PUT /v1/policies/${policyId}`, { document: capped }, { 'if-match': '"2"' });
    const first = (await as(viewer)(`GET /v1/policies/${policyId}/versions?limit=2`)).body;
    const second = (await as(viewer)(`GET /v1/policies/${policyId}/versions?limit=2&after=${first.nextCursor}`)).body;
    expect(first.hasMore).toBe(true);
    expect([...first.items, ...second.items]).toMatchObject([
      { version: 1, name: 'p', document: capped, publishedBy: { type: 'member', id: manager.user.id } },
      { version: 2, name: 'renamed', document: open, publishedBy: { id: manager.user.id } },
      {
        version: 3,
        name: 'renamed',
        document: capped,
        publishedBy: { id: admin.user.id },
        publishedAt: expect.stringMatching(/Z$/),
      },
    ]);
    expect(
      (await ask(`GET /v1/policies/${policyId}/versions?after=${Buffer.from('abc').toString('base64url')}`)).status,
    ).toBe(400);
  });
});

describe('deleting a policy', () => {
  test('makes it not found, also with its ETag; a stale one is refused', async () => {
    expect((await ask(`DELETE /v1/policies/${policyId}`, undefined, { 'if-match': '"9"' })).status).toBe(412);
    expect(await ask(`DELETE /v1/policies/${policyId}`, undefined, { 'if-match': '"1"' })).toMatchObject({
      status: 204,
      body: undefined,
    });
    for (const what of [
      `GET /v1/policies/${policyId}`,
      `GET /v1/policies/${policyId}/versions`,
      `DELETE /v1/policies/${policyId}`,
    ])
      expect((await ask(what)).status).toBe(404);
    expect((await publish(open, '*')).status).toBe(404);
    expect(
      (await ask(`GET /v1/servers/${serverId}/policies?limit=1000`)).body.items.map(({ id }: { id: string }) => id),
    ).not.toContain(policyId);
  });

  test('is refused while a grant uses it, and allowed once that is revoked', async () => {
    const identity = await as(admin)('POST /v1/identities', { name: 'ci', kind: 'service' });
    const grant = await as(admin)('POST /v1/grants', { identityId: identity.body.id, serverId, policyId });
    expect(await ask(`DELETE /v1/policies/${policyId}`)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await as(admin)(`PATCH /v1/grants/${grant.body.id}`, { policyId: null, shadowPolicyId: policyId });
    expect(await ask(`DELETE /v1/policies/${policyId}`)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await as(admin)(`POST /v1/grants/${grant.body.id}/revoke`);
    expect((await ask(`DELETE /v1/policies/${policyId}`)).status).toBe(204);
  });
});

describe('trying a call', () => {
  const decide = (body: unknown): Promise<Answer> => ask(`POST /v1/policies/${policyId}/decide`, body);

  test('answers the decision with its trace and what it would be counted in', async () => {
    expect(await decide({ tool: 'cancel_job', arguments: { job_id: 1 } })).toMatchObject({
      status: 200,
      body: {
        effect: 'allow',
        code: 'allowed',
        rule: '/tools/cancel_job',
        limits: [
          {
            rule: '/tools/cancel_job/limits/0',
            counter: 'cancel_job_rate',
            window: 'minute',
            scope: 'grant',
            amount: 1,
            max: 10,
          },
        ],
        trace: [
          { rule: '/tools/cancel_job', outcome: 'passed' },
          { rule: '/tools/cancel_job/limits/0', outcome: 'reserves' },
        ],
      },
    });
    expect((await decide({ tool: 'list_issues' })).body).toMatchObject({
      effect: 'deny',
      code: 'not_listed',
      rule: '/default',
      limits: [],
      trace: [{ rule: '/default', outcome: 'refused' }],
    });
  });

  test('in monitor mode says what would be refused', async () => {
    await publish({ ...capped, mode: 'monitor' }, '*');
    expect((await decide({ tool: 'list_issues' })).body).toMatchObject({
      effect: 'allow',
      would: { effect: 'deny', code: 'not_listed', rule: '/default' },
    });
  });

  test('reads the argument that is spent, whatever its name', async () => {
    await publish(
      {
        ...open,
        tools: {
          cancel_job: { limits: [{ counter: 'c', window: 'day', max: 100, increment_from: 'args.constructor' }] },
        },
      },
      '*',
    );
    expect((await decide({ tool: 'cancel_job', arguments: { constructor: 7.5 } })).body.limits[0].amount).toBe(7.5);
    expect((await decide({ tool: 'cancel_job', arguments: {} })).body).toMatchObject({
      effect: 'deny',
      code: 'argument_rule',
    });
  });

  test('for a disabled server, identity, tool or organization is refused as disabled', async () => {
    const identity = await as(admin)('POST /v1/identities', { name: 'ci', kind: 'service' });
    expect((await decide({ tool: 'cancel_job', identityId: identity.body.id })).body.effect).toBe('allow');
    await as(admin)(`PATCH /v1/identities/${identity.body.id}`, { disabled: true });
    expect((await decide({ tool: 'cancel_job', identityId: identity.body.id })).body).toMatchObject({
      effect: 'deny',
      code: 'disabled',
      rule: null,
    });
    await as(admin)(`PATCH /v1/servers/${serverId}`, { disabled: true });
    expect((await decide({ tool: 'cancel_job' })).body).toMatchObject({ effect: 'deny', code: 'disabled' });
    await as(admin)(`PATCH /v1/servers/${serverId}`, { disabled: false });
    for (const what of [`PATCH /v1/servers/${serverId}/tools/cancel_job`, 'PATCH /v1/organization']) {
      expect((await as(admin)(what, { disabled: true })).body.disabled).toBe(true);
      expect((await decide({ tool: 'cancel_job' })).body).toMatchObject({ effect: 'deny', code: 'disabled' });
      expect((await as(admin)(what, { disabled: false })).body.disabled).toBe(false);
      expect((await decide({ tool: 'cancel_job' })).body.effect).toBe('allow');
    }
  });

  test('for an identity of another organization is not found', async () => {
    const foreign = await as(other)('POST /v1/identities', { name: 'ci', kind: 'service' });
    expect(await decide({ tool: 'cancel_job', identityId: foreign.body.id })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  test.each([
    {},
    { tool: '' },
    { tool: 7 },
    { tool: 'x', arguments: 'text' },
    { tool: 'x', arguments: [] },
    { tool: 'x', identityId: 'idn_nope' },
    { tool: 'x', more: 1 },
  ])('refuses %o', async (body) => {
    expect(await decide(body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
  });

  test('changes nothing: no event, no count', async () => {
    const counts = async (): Promise<unknown> =>
      (
        await toolgate.db.worker.query(
          'select (select count(*) from events) as events, (select count(*) from limit_counters) as counters',
        )
      ).rows[0];
    const before = await counts();
    for (let index = 0; index < 12; index += 1)
      expect((await decide({ tool: 'cancel_job' })).body.effect).toBe('allow');
    expect(await counts()).toEqual(before);
  });
});
