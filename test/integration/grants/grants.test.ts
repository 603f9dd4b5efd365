import { describe, expect } from 'vitest';
import { tokenHash, tokenObjectId } from '../../../src/platform/crypto/tokens.js';
import { apiOf, newOrganization, type Answer, type Body, type Json, type Organization } from './api.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();
let ours: Organization;
let theirs: Organization;
let server: string;
let policy: string;

test.beforeAll(async () => {
  [ours, theirs] = [await newOrganization(toolgate), await newOrganization(toolgate)];
  server = await ours.server('GitLab');
  policy = await ours.policy(server);
});

const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();
const issue = async (more: Json = {}): Promise<Body> => {
  const { status, body, text } = await ours.admin('POST', '/grants', {
    identityId: await ours.identity(),
    serverId: server,
    ...more,
  });
  if (status !== 201) throw new Error(text);
  return body;
};
const read = async (id: string): Promise<Body> => (await ours.admin('GET', `/grants/${id}`)).body;
const typesOf = async (id: string): Promise<readonly string[]> =>
  (
    await toolgate.db.worker.query<{ type: string }>('select type from events where stream_id = $1 order by version', [
      id,
    ])
  ).rows.map(({ type }) => type);

/** The key of a grant for GitLab in its configuration. */
const keyOf = (id: string): string => `gitlab-${id.slice(-10)}`;

type TokenRow = { token_hash: Buffer; expires_at: Date | null };
const tokensOf = async (id: string): Promise<readonly TokenRow[]> =>
  (
    await toolgate.db.worker.query<TokenRow>(
      'select token_hash, expires_at from grant_tokens where grant_id = $1 order by expires_at nulls last',
      [id],
    )
  ).rows;
const hashesOf = async (id: string): Promise<readonly string[]> =>
  (await tokensOf(id)).map((row) => row.token_hash.toString('hex'));
const hashOf = (token: string): string => tokenHash(token).toString('hex');
const letExpire = (id: string): Promise<unknown> =>
  toolgate.db.worker.query("update grants set expires_at = now() - interval '1 second' where id = $1", [id]);

describe('issuing a grant', () => {
  test('answers 201 with the token and what to paste into a client', async () => {
    const identityId = await ours.identity();
    const expiresAt = inFuture(3_600_000);
    const { status, body } = await ours.admin('POST', '/grants', {
      identityId,
      serverId: server,
      policyId: policy,
      label: 'laptop',
      expiresAt,
    });
    const mcpUrl = `${toolgate.url}/mcp/${server}`;
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^grt_/),
      version: 1,
      identityId,
      identityName: expect.any(String),
      serverId: server,
      serverName: 'GitLab',
      policyId: policy,
      policyName: expect.any(String),
      shadowPolicyId: null,
      label: 'laptop',
      status: 'active',
      disabled: false,
      expiresAt,
      createdAt: expect.stringMatching(/Z$/),
      createdBy: { type: 'member', id: expect.stringMatching(/^usr_/), name: expect.any(String) },
      lastUsedAt: null,
      tokens: [{ expiresAt }],
      via: 'token',
      clientName: null,
      token: expect.any(String),
      mcpUrl,
      clientConfig: {
        mcpServers: {
          [keyOf(body.id)]: { type: 'http', url: mcpUrl, headers: { Authorization: `Bearer ${body.token}` } },
        },
      },
    });
    expect(`grt_${tokenObjectId('grant', body.token)}`).toBe(body.id);
  });

  test('needs an identity and a server only', async () => {
    expect(await issue()).toMatchObject({ policyId: null, label: null, expiresAt: null, status: 'active' });
  });

  test('shows the token once: later reads have a placeholder, and no row holds more than its hash', async () => {
    const { id, token } = await issue();
    for (const text of [
      (await ours.admin('GET', `/grants/${id}`)).text,
      (await ours.admin('GET', '/grants?limit=1000')).text,
      (await ours.admin('PATCH', `/grants/${id}`, { label: 'x' })).text,
    ]) {
      expect(text).toContain(id);
      expect(text).not.toContain(token);
      expect(text).not.toMatch(/tg_grant_|"token":/);
    }
    expect((await read(id)).clientConfig).toMatchObject({
      mcpServers: { [keyOf(id)]: { headers: { Authorization: 'Bearer <grant token>' } } },
    });
    expect(await hashesOf(id)).toEqual([hashOf(token)]);
    const { rows } = await toolgate.db.worker.query<{ text: string }>(
      `select (select string_agg(t::text, $1) from grant_tokens t) || (select string_agg(g::text, $1)
        from grants g) || (select string_agg(e::text, $1) from events e) as text`,
      ['\n'],
    );
    expect(rows[0]?.text).toContain(id);
    expect(rows[0]?.text).not.toContain('tg_grant_');
  });

  test('repeated under one Idempotency-Key answers the same token and makes one grant', async () => {
    const body = { identityId: await ours.identity(), serverId: server };
    const key = { 'idempotency-key': 'one-grant' };
    const first = await ours.admin('POST', '/grants', body, key);
    expect(await ours.admin('POST', '/grants', body, key)).toEqual(first);
    expect(first.body.token).toMatch(/^tg_grant_/);
    expect((await ours.admin('GET', `/grants?identityId=${body.identityId}`)).body.items).toHaveLength(1);
    expect(await ours.admin('POST', '/grants', { ...body, label: 'other' }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });

  test('refuses what is of another organization, deleted or was never there as not found', async () => {
    const [identityId, gone] = [await ours.identity(), await ours.identity()];
    await ours.admin('DELETE', `/identities/${gone}`);
    const goneServer = await ours.server();
    expect((await ours.admin('DELETE', `/servers/${goneServer}`)).status).toBe(204);
    const gonePolicy = await ours.policy(server);
    const { body: policyBody } = await ours.admin('GET', `/policies/${gonePolicy}`);
    expect(
      (await ours.admin('DELETE', `/policies/${gonePolicy}`, undefined, { 'if-match': `"${policyBody.version}"` }))
        .status,
    ).toBe(204);
    const theirServer = await theirs.server();
    const bodies = [
      { identityId: await theirs.identity(), serverId: server },
      { identityId: gone, serverId: server },
      { identityId: 'idn_01h2xcejqtf2nbrexx3vqjhp41', serverId: server },
      { identityId, serverId: theirServer },
      { identityId, serverId: goneServer },
      { identityId, serverId: server, policyId: await theirs.policy(theirServer) },
      { identityId, serverId: server, policyId: gonePolicy },
      { identityId, serverId: server, shadowPolicyId: await theirs.policy(theirServer) },
      { identityId, serverId: server, policyId: policy, shadowPolicyId: gonePolicy },
    ];
    for (const body of bodies)
      expect(await ours.admin('POST', '/grants', body)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('refuses a policy of another server', async () => {
    for (const policies of [{ policyId: policy }, { shadowPolicyId: policy }]) {
      const answer = await ours.admin('POST', '/grants', {
        identityId: await ours.identity(),
        serverId: await ours.server(),
        ...policies,
      });
      expect(answer).toMatchObject({ status: 422, body: { code: 'policy_of_other_server' } });
    }
  });

  test('refuses an expiry in the past with a pointer to it', async () => {
    const body = { identityId: await ours.identity(), serverId: server };
    for (const expiresAt of [inFuture(-1000), '2020-01-01T00:00:00+02:00']) {
      expect(await ours.admin('POST', '/grants', { ...body, expiresAt })).toMatchObject({
        status: 400,
        body: { code: 'invalid_body', errors: [{ pointer: '/expiresAt' }] },
      });
    }
  });

  test.each([
    ['/identityId', { identityId: 'x' }],
    ['/serverId', { serverId: 7 }],
    ['/policyId', { policyId: '' }],
    ['/shadowPolicyId', { shadowPolicyId: 'srv_01h2xcejqtf2nbrexx3vqjhp41' }],
    ['/label', { label: '' }],
    ['/label', { label: 'x'.repeat(201) }],
    ['/expiresAt', { expiresAt: 'tomorrow' }],
    ['/token', { token: 'mine' }],
  ])('refuses a wrong %s (%#)', async (pointer, more) => {
    const answer = await ours.admin('POST', '/grants', {
      identityId: await ours.identity(),
      serverId: server,
      ...more,
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'invalid_body', errors: expect.arrayContaining([expect.objectContaining({ pointer })]) },
    });
  });
});

describe('reading grants', () => {
  test(
    'shows as status whether the grant is active, expired, revoked or disabled, the final before the ' + 'passing',
    async () => {
      const identityId = await ours.identity();
      const { id } = await issue({ identityId });
      expect((await read(id)).status).toBe('active');
      await ours.admin('PATCH', `/identities/${identityId}`, { disabled: true });
      expect((await read(id)).status).toBe('disabled');
      await letExpire(id);
      expect((await read(id)).status).toBe('expired');
      await ours.admin('POST', `/grants/${id}/revoke`);
      expect((await read(id)).status).toBe('revoked');
    },
  );

  test('a grant is disabled and enabled by admins only, and not once it is revoked', async () => {
    const { id } = await issue();
    const manager = await ours.as('policy_manager');
    expect(await manager('PATCH', `/grants/${id}`, { disabled: true })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    for (const [disabled, status] of [
      [true, 'disabled'],
      [true, 'disabled'],
      [false, 'active'],
    ] as const)
      expect((await ours.admin('PATCH', `/grants/${id}`, { disabled })).body).toMatchObject({ disabled, status });
    for (const disabled of [null, 'yes', 1])
      expect((await ours.admin('PATCH', `/grants/${id}`, { disabled })).status).toBe(400);
    await ours.admin('POST', `/grants/${id}/revoke`);
    expect((await ours.admin('PATCH', `/grants/${id}`, { disabled: true })).status).toBe(409);
  });

  test('a disabled organization disables all grants', async () => {
    const theirs = await newOrganization(toolgate);
    const made = await theirs.admin('POST', '/grants', {
      identityId: await theirs.identity(),
      serverId: await theirs.server(),
    });
    for (const [disabled, status] of [
      [true, 'disabled'],
      [false, 'active'],
    ] as const) {
      expect((await theirs.admin('PATCH', '/organization', { disabled })).status).toBe(200);
      expect((await theirs.admin('GET', `/grants/${made.body.id}`)).body.status).toBe(status);
    }
  });

  test('a disabled server disables its grants, and enabling it brings them back', async () => {
    const serverId = await ours.server();
    const { id } = await issue({ serverId });
    for (const [disabled, status] of [
      [true, 'disabled'],
      [false, 'active'],
    ] as const) {
      expect((await ours.admin('PATCH', `/servers/${serverId}`, { disabled })).status).toBe(200);
      expect((await read(id)).status).toBe(status);
    }
  });

  test('shows when the grant was last used', async () => {
    const { id } = await issue();
    await toolgate.db.worker.query(
      'insert into grant_last_used(organization_id, grant_id, last_used_at) values ($1, $2, $3)',
      [ours.id, id, '2026-11-22T10:00:00Z'],
    );
    expect((await read(id)).lastUsedAt).toBe('2026-11-22T10:00:00.000Z');
  });

  test('grants are searched by the names of identity, server and policy and by label, and sorted', async () => {
    const own = await newOrganization(toolgate);
    const serverId = await own.server('GitLab');
    for (const [name, label] of [
      ['Ada', 'x'],
      ['bob', 'laptop of Ada'],
      ['Cy', 'y'],
    ]) {
      const { body } = await own.admin('POST', '/identities', { name, kind: 'human' });
      await own.admin('POST', '/grants', { identityId: body.id, serverId, label });
    }
    const names = async (query: string): Promise<readonly unknown[]> =>
      ((await own.admin('GET', `/grants?${query}`)).body.items as readonly Json[]).map((item) => item['identityName']);
    expect(await names('sort=-identityName')).toEqual(['Cy', 'bob', 'Ada']);
    expect(await names('q=ada&sort=identityName')).toEqual(['Ada', 'bob']);
    expect(await names('q=gitlab&sort=-createdAt')).toEqual(['Cy', 'bob', 'Ada']);
    const first = (await own.admin('GET', '/grants?sort=label&limit=2')).body;
    expect(await names(`sort=label&limit=2&after=${String(first['nextCursor'])}`)).toEqual(['Cy']);
  });

  test('filters by identity, server, policy and status, all of them together, and pages through', async () => {
    const own = await newOrganization(toolgate);
    const [s1, s2, i1, i2] = [
      await own.server('one'),
      await own.server('two'),
      await own.identity(),
      await own.identity(),
    ];
    const p1 = await own.policy(s1);
    const give = async (body: Json): Promise<string> => (await own.admin('POST', '/grants', body)).body.id;
    const a = await give({ identityId: i1, serverId: s1, policyId: p1 });
    const b = await give({ identityId: i1, serverId: s2 });
    const c = await give({ identityId: i2, serverId: s1 });
    await own.admin('POST', `/grants/${c}/revoke`);
    const ids = async (query: string): Promise<readonly string[]> =>
      (await own.admin('GET', `/grants?${query}`)).body.items.map((item) => item.id);
    expect(await ids('')).toEqual([a, b, c]);
    expect(await ids(`identityId=${i1}`)).toEqual([a, b]);
    expect(await ids(`serverId=${s1}`)).toEqual([a, c]);
    expect(await ids(`policyId=${p1}`)).toEqual([a]);
    expect(await ids('status=revoked')).toEqual([c]);
    expect(await ids(`serverId=${s1}&status=active`)).toEqual([a]);
    const first = await own.admin('GET', '/grants?limit=2');
    expect(first.body).toMatchObject({ hasMore: true, items: [{ id: a }, { id: b }] });
    expect((await own.admin('GET', `/grants?limit=2&after=${first.body.nextCursor}`)).body).toMatchObject({
      hasMore: false,
      items: [{ id: c }],
    });
  });

  test('refuses a filter that no grant could meet', async () => {
    for (const query of ['status=lost', 'identityId=x', 'serverId=%00', 'token=x'])
      expect((await ours.admin('GET', `/grants?${query}`)).status).toBe(400);
  });
});

describe('changing a grant', () => {
  test('changes what is named, and null clears', async () => {
    const { id } = await issue({ label: 'a', expiresAt: inFuture(60_000) });
    const later = inFuture(120_000);
    expect(await ours.admin('PATCH', `/grants/${id}`, { policyId: policy, expiresAt: later })).toMatchObject({
      status: 200,
      body: { policyId: policy, label: 'a', expiresAt: later },
    });
    expect(await ours.admin('PATCH', `/grants/${id}`, { policyId: null, label: null, expiresAt: null })).toMatchObject({
      status: 200,
      body: { policyId: null, label: null, expiresAt: null },
    });
    await ours.admin('PATCH', `/grants/${id}`, {});
    expect(await typesOf(id)).toEqual(['grant.issued', 'grant.changed', 'grant.changed']);
  });

  test('a later expiry makes an expired grant active again', async () => {
    const { id } = await issue({ expiresAt: inFuture(60_000) });
    await letExpire(id);
    expect((await ours.admin('PATCH', `/grants/${id}`, { expiresAt: inFuture(60_000) })).body.status).toBe('active');
  });

  test(
    'refuses a policy that is of another server or not there, and an expiry in the past, and then ' + 'changes nothing',
    async () => {
      const { id } = await issue({ label: 'before' });
      const other = await ours.policy(await ours.server());
      for (const policies of [
        { policyId: other },
        { shadowPolicyId: other },
        { policyId: policy, shadowPolicyId: other },
      ])
        expect(await ours.admin('PATCH', `/grants/${id}`, { label: 'after', ...policies })).toMatchObject({
          status: 422,
          body: { code: 'policy_of_other_server' },
        });
      expect(
        await ours.admin('PATCH', `/grants/${id}`, { label: 'after', policyId: 'pol_01h2xcejqtf2nbrexx3vqjhp41' }),
      ).toMatchObject({ status: 404 });
      expect(await ours.admin('PATCH', `/grants/${id}`, { label: 'after', expiresAt: inFuture(-1) })).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/expiresAt' }] },
      });
      expect(await read(id)).toMatchObject({ label: 'before', policyId: null, expiresAt: null });
      expect(await typesOf(id)).toEqual(['grant.issued']);
    },
  );

  test('a revoked grant can not be changed', async () => {
    const { id } = await issue();
    await ours.admin('POST', `/grants/${id}/revoke`);
    expect(await ours.admin('PATCH', `/grants/${id}`, { label: 'x' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
  });

  test('a policy manager sets the policy and its shadow and nothing else', async () => {
    const { id } = await issue();
    const manager = await ours.as('policy_manager');
    expect(await manager('PATCH', `/grants/${id}`, { policyId: policy })).toMatchObject({
      status: 200,
      body: { policyId: policy },
    });
    expect(await manager('PATCH', `/grants/${id}`, { shadowPolicyId: policy })).toMatchObject({
      status: 200,
      body: { policyId: policy, shadowPolicyId: policy },
    });
    expect(await manager('PATCH', `/grants/${id}`, { shadowPolicyId: null })).toMatchObject({
      status: 200,
      body: { policyId: policy, shadowPolicyId: null },
    });
    for (const more of [{ label: 'x' }, { expiresAt: null }, { policyId: null, label: null }])
      expect(await manager('PATCH', `/grants/${id}`, more)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await read(id)).toMatchObject({ policyId: policy, label: null });
  });
});

describe('rotating a grant', () => {
  const rotate = (id: string, body?: Json, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
    ours.admin('POST', `/grants/${id}/rotate`, body, headers);

  test('without a body answers a new token, and the old one is gone at once', async () => {
    const { id, token } = await issue();
    const { status, body } = await rotate(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      status: 'active',
      token: expect.stringMatching(/^tg_grant_/),
      clientConfig: { mcpServers: { [keyOf(id)]: { headers: { Authorization: `Bearer ${body.token}` } } } },
    });
    expect(body.token).not.toBe(token);
    expect(await hashesOf(id)).toEqual([hashOf(body.token)]);
  });

  test(
    'each rotation keeps the graces that earlier rotations promised, and the grant shows when ' + 'they end',
    async () => {
      const { id, token: first } = await issue();
      const before = Date.now();
      const { token: second } = (await rotate(id, { graceSeconds: 600 })).body;
      expect(await hashesOf(id)).toEqual([hashOf(first), hashOf(second)]);
      const [old, current] = await tokensOf(id);
      expect(old!.expires_at!.getTime()).toBeGreaterThanOrEqual(before + 600_000);
      expect(old!.expires_at!.getTime()).toBeLessThanOrEqual(Date.now() + 600_000);
      expect(current!.expires_at).toBeNull();
      const { token: third } = (await rotate(id, { graceSeconds: 60 })).body;
      const all = [first, second, third].map(hashOf);
      expect((await hashesOf(id)).toSorted()).toEqual(all.toSorted());
      const { token: fourth, tokens } = (await rotate(id, { graceSeconds: 0 })).body;
      const left = [first, second, fourth].map(hashOf);
      expect((await hashesOf(id)).toSorted()).toEqual(left.toSorted());
      const ends = tokens.map(({ expiresAt: end }) => end);
      expect(ends[0]).toBeNull();
      expect(ends.slice(1)).toEqual(
        (await tokensOf(id)).flatMap(({ expires_at: end }) => end?.toISOString() ?? []).toSorted(),
      );
    },
  );

  test('repeated under one Idempotency-Key answers the same token and rotates once', async () => {
    const { id } = await issue();
    const key = { 'idempotency-key': 'one-rotation' };
    const first = await rotate(id, { graceSeconds: 5 }, key);
    expect(await rotate(id, { graceSeconds: 5 }, key)).toEqual(first);
    expect(await typesOf(id)).toEqual(['grant.issued', 'grant.rotated']);
    expect(await rotate(id, { graceSeconds: 6 }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });

  test(
    'ten rotations at once leave eleven live tokens, each with its promised end, and twenty are ' + 'the most',
    async () => {
      const { id } = await issue();
      const answers = await Promise.all(Array.from({ length: 10 }, () => rotate(id, { graceSeconds: 600 })));
      expect(new Set(answers.map(({ body }) => body.token)).size).toBe(10);
      const rows = await tokensOf(id);
      expect(rows.filter((row) => row.expires_at === null)).toHaveLength(1);
      const told = answers.map(({ body }) => hashOf(body.token));
      expect(await hashesOf(id)).toEqual(expect.arrayContaining(told));
      expect(rows).toHaveLength(11);
      expect((await typesOf(id)).filter((type) => type === 'grant.rotated')).toHaveLength(10);
      for (let more = 0; more < 9; more += 1) expect((await rotate(id, { graceSeconds: 600 })).status).toBe(200);
      expect(await rotate(id, { graceSeconds: 600 })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    },
  );

  test('refuses a revoked and an expired grant, whose tokens stay as they are', async () => {
    const [revoked, expired] = [await issue(), await issue({ expiresAt: inFuture(60_000) })];
    await ours.admin('POST', `/grants/${revoked.id}/revoke`);
    await letExpire(expired.id);
    for (const { id } of [revoked, expired])
      expect(await rotate(id)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await hashesOf(expired.id)).toEqual([hashOf(expired.token)]);
    expect(await hashesOf(revoked.id)).toEqual([]);
  });

  test.each([
    [{ graceSeconds: -1 }],
    [{ graceSeconds: 86_401 }],
    [{ graceSeconds: 1.5 }],
    [{ graceSeconds: '5' }],
    [{ grace: 5 }],
    [[]],
  ])('refuses %j', async (body) => {
    const { id, token } = await issue();
    expect(await rotate(id, body as Json)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    expect(await hashesOf(id)).toEqual([hashOf(token)]);
  });
});

describe('revoking a grant', () => {
  test('ends it and its tokens, also those in their grace; doing it again is 200 and records nothing', async () => {
    const { id } = await issue();
    await ours.admin('POST', `/grants/${id}/rotate`, { graceSeconds: 600 });
    const first = await ours.admin('POST', `/grants/${id}/revoke`);
    expect(first).toMatchObject({ status: 200, body: { id, status: 'revoked' } });
    expect(first.text).not.toMatch(/tg_grant_/);
    expect(await tokensOf(id)).toEqual([]);
    expect(await ours.admin('POST', `/grants/${id}/revoke`)).toEqual(first);
    expect(await typesOf(id)).toEqual(['grant.issued', 'grant.rotated', 'grant.revoked']);
  });

  test('happens to all grants of a server that is deleted', async () => {
    const serverId = await ours.server();
    const [one, two, other] = [await issue({ serverId }), await issue({ serverId }), await issue()];
    expect((await ours.admin('DELETE', `/servers/${serverId}`)).status).toBe(204);
    for (const { id } of [one, two]) {
      expect((await read(id)).status).toBe('revoked');
      expect(await tokensOf(id)).toEqual([]);
      const { rows } = await toolgate.db.worker.query<{ reason: string }>(
        "select event->>'reason' as reason from events where stream_id = $1 and type = 'grant.revoked'",
        [id],
      );
      expect(rows).toEqual([{ reason: 'server_deleted' }]);
    }
    expect((await read(other.id)).status).toBe('active');
  });
});

describe('who may', () => {
  test(
    'every role may read, only an admin may issue, rotate and revoke, and only a policy manager ' +
      'beside it may change',
    async () => {
      const { id, identityId } = await issue();
      for (const role of ['policy_manager', 'approver', 'auditor', 'viewer']) {
        const call = await ours.as(role);
        expect((await call('GET', '/grants')).status).toBe(200);
        expect((await call('GET', `/grants/${id}`)).status).toBe(200);
        expect((await call('POST', '/grants', { identityId, serverId: server })).status).toBe(403);
        expect((await call('POST', `/grants/${id}/rotate`)).status).toBe(403);
        expect((await call('POST', `/grants/${id}/revoke`)).status).toBe(403);
        expect((await call('PATCH', `/grants/${id}`, { policyId: null })).status).toBe(
          role === 'policy_manager' ? 200 : 403,
        );
      }
      expect((await read(id)).status).toBe('active');
    },
  );

  test('without a credential nothing is told', async () => {
    expect((await apiOf(toolgate.url)('GET', '/grants')).status).toBe(401);
    expect((await apiOf(toolgate.url)('POST', '/grants', {})).status).toBe(401);
  });

  test("another organization's grant is not found, as one that never was", async () => {
    const { id, token } = await issue();
    for (const path of [id, 'grt_01h2xcejqtf2nbrexx3vqjhp41', 'x', '%00'].map((one) => `/grants/${one}`)) {
      const answers = [
        await theirs.admin('GET', path),
        await theirs.admin('PATCH', path, { label: 'mine' }),
        await theirs.admin('POST', `${path}/rotate`),
        await theirs.admin('POST', `${path}/revoke`),
      ];
      for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect((await theirs.admin('GET', '/grants?limit=1000')).text).not.toContain(id);
    expect(await hashesOf(id)).toEqual([hashOf(token)]);
  });
});
