import { describe, expect } from 'vitest';
import { apiOf, newOrganization, type Organization } from './api.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();
let ours: Organization;
let theirs: Organization;

test.beforeAll(async () => {
  [ours, theirs] = [await newOrganization(toolgate), await newOrganization(toolgate)];
});

const eventsOf = async (id: string): Promise<readonly Readonly<{ type: string; event: Record<string, unknown> }>[]> => {
  const { rows } = await toolgate.db.worker.query<{ type: string; event: Record<string, unknown> }>(
    'select type, event from events where stream_id = $1 order by version',
    [id],
  );
  return rows;
};
const typesOf = async (id: string): Promise<readonly string[]> => (await eventsOf(id)).map(({ type }) => type);
const UNKNOWN = 'idn_01h2xcejqtf2nbrexx3vqjhp41';

describe('creating an identity', () => {
  test('answers 201 with all of it, and reading it gives the same', async () => {
    const { status, body } = await ours.admin('POST', '/identities', {
      name: 'Ada',
      kind: 'human',
      memberId: ours.userId,
      externalId: 'hr-7',
      attributes: { team: 'core', level: 3, lead: true, note: null },
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^idn_/),
      version: 1,
      name: 'Ada',
      kind: 'human',
      memberId: ours.userId,
      externalId: 'hr-7',
      attributes: { team: 'core', level: 3, lead: true, note: null },
      disabled: false,
      createdAt: expect.stringMatching(/Z$/),
    });
    expect((await ours.admin('GET', `/identities/${body.id}`)).body).toEqual(body);
    expect(await eventsOf(body.id)).toEqual([
      {
        type: 'identity.created',
        event: expect.objectContaining({
          identityId: body.id,
          actor: expect.objectContaining({ type: 'member', id: ours.userId }),
        }),
      },
    ]);
  });

  test('needs a name and a kind only', async () => {
    expect((await ours.admin('POST', '/identities', { name: 'bot', kind: 'agent' })).body).toMatchObject({
      memberId: null,
      externalId: null,
      attributes: {},
      disabled: false,
    });
  });

  test('repeated under one Idempotency-Key makes one identity; with another body it is refused', async () => {
    const key = { 'idempotency-key': 'one-identity' };
    const first = await ours.admin('POST', '/identities', { name: 'once', kind: 'agent' }, key);
    expect(await ours.admin('POST', '/identities', { name: 'once', kind: 'agent' }, key)).toEqual(first);
    expect(await ours.admin('POST', '/identities', { name: 'twice', kind: 'agent' }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });

  test('refuses a memberId that is no member of this organization, with a pointer to it', async () => {
    for (const memberId of [theirs.userId, 'usr_01h2xcejqtf2nbrexx3vqjhp41']) {
      expect(await ours.admin('POST', '/identities', { name: 'x', kind: 'human', memberId })).toMatchObject({
        status: 400,
        body: { code: 'invalid_body', errors: [{ pointer: '/memberId' }] },
      });
    }
  });

  test('refuses an externalId that another identity of the organization has, until that one is deleted', async () => {
    const first = await ours.identity({ externalId: 'taken' });
    const again = { name: 'x', kind: 'agent', externalId: 'taken' };
    expect(await ours.admin('POST', '/identities', again)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await theirs.admin('POST', '/identities', again)).status).toBe(201);
    expect((await ours.admin('DELETE', `/identities/${first}`)).status).toBe(204);
    expect((await ours.admin('POST', '/identities', again)).status).toBe(201);
  });

  test('gives an externalId to one of many that ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        ours.admin('POST', '/identities', { name: 'x', kind: 'agent', externalId: 'raced' }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test.each([
    ['/name', { kind: 'agent' }],
    ['/name', { name: '', kind: 'agent' }],
    ['/name', { name: 'a\u0000b', kind: 'agent' }],
    ['/kind', { name: 'x', kind: 'robot' }],
    ['/memberId', { name: 'x', kind: 'human', memberId: 'me' }],
    ['/externalId', { name: 'x', kind: 'agent', externalId: '' }],
    ['/attributes', { name: 'x', kind: 'agent', attributes: ['a'] }],
    ['/attributes', { name: 'x', kind: 'agent', attributes: null }],
    ['/attributes/deep', { name: 'x', kind: 'agent', attributes: { deep: { er: 1 } } }],
    ['/attributes/nul', { name: 'x', kind: 'agent', attributes: { nul: '\u0000' } }],
    ['/attributes', { name: 'x', kind: 'agent', attributes: { big: 'x'.repeat(8192) } }],
    ['/role', { name: 'x', kind: 'agent', role: 'admin' }],
  ])('refuses a wrong %s (%#)', async (pointer, body) => {
    const answer = await ours.admin('POST', '/identities', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    expect(answer.body.errors.map((error) => error.pointer)).toContain(pointer);
  });

  test('keeps attributes whose names mean something to JavaScript', async () => {
    const attributes = JSON.parse('{"constructor":"a","prototype":"b","__proto__":"c","toString":"d"}') as Record<
      string,
      unknown
    >;
    const { body } = await ours.admin('POST', '/identities', { name: 'x', kind: 'agent', attributes });
    expect(Object.entries(body.attributes as object).sort()).toEqual(Object.entries(attributes).sort());
    const patched = await ours.admin('PATCH', `/identities/${body.id}`, { attributes: { constructor: 'z' } });
    expect(Object.entries(patched.body.attributes as object)).toEqual([['constructor', 'z']]);
  });
});

describe('changing an identity', () => {
  test('changes what is named, clears by null, and replaces attributes as a whole', async () => {
    const id = await ours.identity({ memberId: ours.userId, externalId: 'c-1', attributes: { a: 1, b: 2 } });
    const { status, body } = await ours.admin('PATCH', `/identities/${id}`, {
      name: 'renamed',
      memberId: null,
      attributes: { b: 3 },
    });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { id, name: 'renamed', memberId: null, externalId: 'c-1', attributes: { b: 3 } },
    });
    expect((await ours.admin('GET', `/identities/${id}`)).body).toEqual(body);
  });

  test('disables and enables by events, once each', async () => {
    const id = await ours.identity();
    for (const disabled of [true, true, false, false])
      expect((await ours.admin('PATCH', `/identities/${id}`, { disabled })).body.disabled).toBe(disabled);
    expect(await typesOf(id)).toEqual(['identity.created', 'identity.disabled', 'identity.enabled']);
  });

  test('refuses a foreign member and an externalId in use, and then changes nothing', async () => {
    await ours.identity({ externalId: 'p-1' });
    const id = await ours.identity({ externalId: 'p-2' });
    expect(await ours.admin('PATCH', `/identities/${id}`, { name: 'new', memberId: theirs.userId })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/memberId' }] },
    });
    expect(await ours.admin('PATCH', `/identities/${id}`, { name: 'new', externalId: 'p-1' })).toMatchObject({
      status: 409,
    });
    expect((await ours.admin('PATCH', `/identities/${id}`, { externalId: 'p-2' })).status).toBe(200);
    expect((await ours.admin('GET', `/identities/${id}`)).body).toMatchObject({
      name: 'ci',
      memberId: null,
      externalId: 'p-2',
    });
    expect(await typesOf(id)).toEqual(['identity.created']);
  });

  test.each([[{ kind: 'agent' }], [{ name: null }], [{ disabled: 'yes' }], [{ attributes: null }]])(
    'refuses %j',
    async (patch) => {
      expect(await ours.admin('PATCH', `/identities/${await ours.identity()}`, patch)).toMatchObject({
        status: 400,
        body: { code: 'invalid_body' },
      });
    },
  );
});

describe('deleting an identity', () => {
  test('answers 204 and leaves nothing to read, change or delete', async () => {
    const id = await ours.identity();
    expect(await ours.admin('DELETE', `/identities/${id}`)).toMatchObject({ status: 204, text: '' });
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', { name: 'gone' }],
      ['DELETE', undefined],
    ] as const)
      expect(await ours.admin(method, `/identities/${id}`, body)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    expect((await ours.admin('GET', '/identities?limit=1000')).body.items.map((item) => item.id)).not.toContain(id);
  });

  test('revokes its grants in the same change and leaves those of others', async () => {
    const [server, leaving, staying] = [await ours.server(), await ours.identity(), await ours.identity()];
    const issue = async (identityId: string): Promise<string> =>
      (await ours.admin('POST', '/grants', { identityId, serverId: server })).body.id;
    const [one, two, other] = [await issue(leaving), await issue(leaving), await issue(staying)];
    await ours.admin('DELETE', `/identities/${leaving}`);
    for (const id of [one, two]) {
      expect((await ours.admin('GET', `/grants/${id}`)).body.status).toBe('revoked');
      expect((await eventsOf(id)).at(-1)).toMatchObject({
        type: 'grant.revoked',
        event: { reason: 'identity_deleted' },
      });
    }
    expect((await ours.admin('GET', `/grants/${other}`)).body.status).toBe('active');
    const { rows } = await toolgate.db.worker.query<{ grant_id: string }>(
      'select grant_id from grant_tokens where grant_id = any($1)',
      [[one, two, other]],
    );
    expect(rows).toEqual([{ grant_id: other }]);
    const { rows: xids } = await toolgate.db.worker.query<{ n: number }>(
      `select count(distinct xmin::text)::int as n from events where stream_id = any($1)
        and type in ('identity.deleted', 'grant.revoked')`,
      [[leaving, one, two]],
    );
    expect(xids[0]?.n).toBe(1);
  });
});

describe('listing identities', () => {
  test('pages through all of the organization in order, each once', async () => {
    const own = await newOrganization(toolgate);
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(await own.identity());
    const seen: string[] = [];
    let after = '';
    for (let page = 0; page < 3; page += 1) {
      const { body } = await own.admin('GET', `/identities?limit=2${after}`);
      seen.push(...body.items.map((item) => item.id));
      expect(body.hasMore).toBe(page < 2);
      after = `&after=${body.nextCursor}`;
    }
    expect(seen).toEqual(ids);
  });

  test('refuses a wrong limit, cursor or filter', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=%00', 'kind=agent'])
      expect((await ours.admin('GET', `/identities?${query}`)).status).toBe(400);
  });
});

describe('who may', () => {
  test('every role may read, only an admin may write', async () => {
    const id = await ours.identity();
    for (const role of ['policy_manager', 'approver', 'auditor', 'viewer']) {
      const call = await ours.as(role);
      expect((await call('GET', '/identities')).status).toBe(200);
      expect((await call('GET', `/identities/${id}`)).status).toBe(200);
      expect((await call('POST', '/identities', { name: 'x', kind: 'agent' })).status).toBe(403);
      expect((await call('PATCH', `/identities/${id}`, {})).status).toBe(403);
      expect((await call('DELETE', `/identities/${id}`)).status).toBe(403);
    }
  });

  test('without a credential nothing is told', async () => {
    expect((await apiOf(toolgate.url)('GET', '/identities')).status).toBe(401);
    expect((await apiOf(toolgate.url)('POST', '/identities', {})).status).toBe(401);
  });

  test("another organization's identity is not found, as one that never was", async () => {
    const id = await theirs.identity();
    for (const path of [id, UNKNOWN, 'x', '%00'].map((one) => `/identities/${one}`)) {
      expect((await ours.admin('GET', path)).body).toMatchObject({ code: 'not_found' });
      expect((await ours.admin('PATCH', path, { name: 'mine' })).status).toBe(404);
      expect((await ours.admin('DELETE', path)).status).toBe(404);
    }
    expect((await theirs.admin('GET', `/identities/${id}`)).body.name).toBe('ci');
  });
});
