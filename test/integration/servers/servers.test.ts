import pg from 'pg';
import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { aTool, startUpstream, type Upstream, type UpstreamOptions } from '../../support/upstream.js';
import { call, join, signUp, type Answer, type Person } from '../accounts/client.js';

const SECRET = 'Bearer tg-very-secret-upstream-value-42';

const { test, toolgate } = productTest();
let admin: Person;
let other: Person;
const open: (() => Promise<void>)[] = [];

test.beforeAll(async () => {
  admin = await signUp(toolgate.url);
  other = await signUp(toolgate.url);
});

test.afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const upstream = async (options?: UpstreamOptions): Promise<Upstream> => {
  const started = await startUpstream(options);
  open.push(started.close);
  return started;
};

const as =
  (person: Person) =>
  (what: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
    call(toolgate.url, what, { token: person.token, body, headers });
const ask = (what: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
  as(admin)(what, body, headers);
const at = (url: string, more: Readonly<Record<string, unknown>> = {}): object => ({
  name: 'GitLab',
  transport: { type: 'streamable-http', url },
  ...more,
});
const secretAuth = { type: 'headers', headers: { Authorization: SECRET, 'X-Tenant': 'a' } };

const register = async (body: object): Promise<Answer['body']> => {
  const answer = await ask('POST /v1/servers', body);
  expect(answer.status).toBe(201);
  return answer.body;
};

const pointers = ({ body }: Answer): readonly string[] =>
  body.errors.map(({ pointer }: { pointer: string }) => pointer);

describe('registering a server', () => {
  test('answers it with what its discovery found and where clients connect to', async () => {
    const { url } = await upstream({ tools: [aTool('one'), aTool('two')] });
    const server = await register(at(url));
    expect(server).toEqual({
      id: expect.stringMatching(/^srv_/),
      version: 2,
      restartSessions: true,
      name: 'GitLab',
      transport: { type: 'streamable-http', url },
      auth: { type: 'none' },
      clientAuth: 'token',
      defaultPolicyId: null,
      status: 'ready',
      statusDetail: null,
      disabled: false,
      toolCount: 2,
      serverInfo: { name: 'test-upstream', version: '1.2.3' },
      protocolVersion: '2025-11-25',
      eras: ['legacy'],
      mcpUrl: `${toolgate.url}/mcp/${server.id}`,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      discoveredAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect((await ask(`GET /v1/servers/${server.id}`)).body).toEqual(server);
  });

  test('creates one that is unreachable, wants a sign-in, or has a name that nobody knows', async () => {
    const signIn = await upstream({ intercept: (_request, response) => response.writeHead(401).end() !== undefined });
    const closed = await startUpstream();
    await closed.close();
    expect(await register(at(closed.url))).toMatchObject({
      status: 'unreachable',
      toolCount: 0,
      discoveredAt: null,
      statusDetail: expect.stringContaining('refused'),
    });
    expect(await register(at(signIn.url))).toMatchObject({
      status: 'needs_sign_in',
      statusDetail: expect.stringContaining('auth.headers'),
    });
    expect(await register(at('https://nobody-knows-this.invalid/mcp'))).toMatchObject({ status: 'unreachable' });
  });

  test('sends the headers to the upstream and shows their names only', async () => {
    const server = await upstream();
    const made = await register(at(server.url, { auth: secretAuth }));
    expect(made.auth).toEqual({ type: 'headers', names: ['Authorization', 'X-Tenant'] });
    expect(server.seenOf('initialize')[0]?.headers).toMatchObject({ authorization: SECRET, 'x-tenant': 'a' });
  });

  test(
    'a repeat under one Idempotency-Key answers the same and discovers once; with another body it is ' + 'refused',
    async () => {
      const server = await upstream();
      const key = { 'idempotency-key': 'register-1' };
      const first = await ask('POST /v1/servers', at(server.url), key);
      const second = await ask('POST /v1/servers', at(server.url), key);
      expect(second).toMatchObject({ status: 201, body: first.body });
      expect(server.seenOf('tools/list')).toHaveLength(1);
      expect(await ask('POST /v1/servers', at(server.url, { name: 'other' }), key)).toMatchObject({
        status: 422,
        body: { code: 'idempotency_mismatch' },
      });
    },
  );

  test.each([
    ['the metadata address of clouds', 'http://169.254.169.254/latest/meta-data'],
    ['a private address', 'https://10.0.0.1/mcp'],
    ['the same in IPv6', 'http://[::ffff:169.254.169.254]/'],
    ['another scheme', 'file:///etc/passwd'],
    ['a user name', 'https://me:secret@example.com/mcp'],
  ])('refuses %s', async (_what, url) => {
    const answer = await ask('POST /v1/servers', at(url));
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'url_not_allowed', errors: [{ pointer: '/transport/url' }] },
    });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
  });

  test.each(['not a url', '/mcp', 'https://', 'https://a b/', 'http://127.0.0.1:0/', 'http:\\\\127.0.0.1\\mcp'])(
    'answers what is no URL as an invalid body: %s',
    async (url) => {
      expect(await ask('POST /v1/servers', at(url))).toMatchObject({
        status: 400,
        body: { code: 'invalid_body', errors: [{ pointer: '/transport/url', code: 'invalid' }] },
      });
    },
  );

  test('says which setting opens a private address, and refuses our own ports whatever it says', async () => {
    expect((await ask('POST /v1/servers', at('https://10.0.0.1/mcp'))).body.detail).toContain('UPSTREAM_ALLOW');
    const { port } = new URL(toolgate.databaseUrl);
    for (const url of [`${toolgate.url}/mcp/x`, `http://127.0.0.1:${port}/`])
      expect(await ask('POST /v1/servers', at(url))).toMatchObject({ status: 422, body: { code: 'url_not_allowed' } });
  });

  test.each([[{ auth: { type: 'oauth', per: 'identity' } }, '/auth/per', 'once for each server']])(
    'answers %o with unsupported',
    async (more, pointer, word) => {
      const answer = await ask('POST /v1/servers', at('http://127.0.0.1:9/mcp', more));
      expect(answer).toMatchObject({
        status: 422,
        body: { code: 'unsupported', detail: expect.stringContaining(word), errors: [{ pointer }] },
      });
    },
  );

  test.each([
    [{ name: '' }, '/name'],
    [{ name: 'a\nb' }, '/name'],
    [{ surprise: 1 }, '/surprise'],
    [{ transport: undefined }, '/transport'],
    [{ transport: 'https://example.com' }, '/transport'],
    [{ transport: { type: 'carrier-pigeon' } }, '/transport/type'],
    [{ transport: { type: 'streamable-http' } }, '/transport/url'],
    [{ transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/', command: 'x' } }, '/transport/command'],
    [{ auth: { type: 'magic' } }, '/auth/type'],
    [{ auth: null }, '/auth'],
    [{ auth: { type: 'none', headers: { a: 'b' } } }, '/auth/headers'],
    [{ auth: { type: 'headers', headers: {} } }, '/auth/headers'],
    [{ clientAuth: 'cookie' }, '/clientAuth'],
  ])('refuses %o', async (more, pointer) => {
    const answer = await ask('POST /v1/servers', at('http://127.0.0.1:9/mcp', more));
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    expect(pointers(answer)).toContain(pointer);
  });

  test.each([
    'Host',
    'content-length',
    'Connection',
    'Transfer-Encoding',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Accept',
    'Content-Type',
    'Cookie',
    'X-Forwarded-For',
    'bad name',
    'col:on',
    'ümlaut',
  ])('refuses the header %s', async (name) => {
    const answer = await ask(
      'POST /v1/servers',
      at('http://127.0.0.1:9/mcp', { auth: { type: 'headers', headers: { [name]: SECRET } } }),
    );
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: `/auth/headers/${name}` }] } });
  });

  test.each(['a\r\nX-Evil: 1', 'a\nb', 'nul\0', 'ünïcode', '', ' padded ', 7, null])(
    'refuses the header value %o without repeating it',
    async (value) => {
      const answer = await ask(
        'POST /v1/servers',
        at('http://127.0.0.1:9/mcp', { auth: { type: 'headers', headers: { 'X-Key': value } } }),
      );
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/auth/headers/X-Key' }] } });
      expect(JSON.stringify(answer.body)).not.toMatch(/Evil|padded|nul/);
    },
  );

  test('refuses more than 20 headers, more than 8 KiB, and one name in two spellings', async () => {
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, 'v']));
    for (const headers of [many, { 'X-Big': 'x'.repeat(8200) }, { 'X-A': '1', 'x-a': '2' }]) {
      expect(
        await ask('POST /v1/servers', at('http://127.0.0.1:9/mcp', { auth: { type: 'headers', headers } })),
      ).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    }
  });
});

describe('secrets of a server', () => {
  test('are in no answer, no event and no table in plain', async () => {
    const server = await upstream();
    const made = await register(at(server.url, { auth: secretAuth }));
    await ask('POST /v1/servers', at(server.url, { auth: secretAuth }), { 'idempotency-key': 'with-secret' });
    const changed = await ask(`PATCH /v1/servers/${made.id}`, {
      auth: { type: 'headers', headers: { Authorization: `${SECRET}-new` } },
    });
    expect(server.seenOf('initialize').at(-1)?.headers.authorization).toBe(`${SECRET}-new`);
    expect(changed.body.auth).toEqual({ type: 'headers', names: ['Authorization'] });
    const dump = await everythingStored();
    expect(dump).toContain(made.id);
    for (const text of [dump, JSON.stringify([made, changed.body, (await ask('GET /v1/servers')).body])]) {
      expect(text).not.toContain('very-secret-upstream');
      expect(text).not.toContain(Buffer.from('very-secret-upstream').toString('hex'));
      expect(text).not.toContain(Buffer.from(SECRET).toString('base64').slice(4, 30));
    }
  });

  test('go with auth none and with the server', async () => {
    const server = await upstream();
    const [one, two] = [
      await register(at(server.url, { auth: secretAuth })),
      await register(at(server.url, { auth: secretAuth })),
    ];
    await ask(`PATCH /v1/servers/${one.id}`, { auth: { type: 'none' } });
    await ask(`DELETE /v1/servers/${two.id}`);
    expect(server.seenOf('initialize').at(-1)?.headers.authorization).toBeUndefined();
    const { rows } = await toolgate.db.worker.query('select 1 from server_secrets where server_id = any($1)', [
      [one.id, two.id],
    ]);
    expect(rows).toEqual([]);
  });

  test('are not sent to another host unless given again', async () => {
    const [first, second] = [await upstream(), await upstream()];
    const made = await register(at(first.url, { auth: secretAuth }));
    const moved = { transport: { type: 'streamable-http', url: second.url } };
    expect(await ask(`PATCH /v1/servers/${made.id}`, moved)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/auth' }] },
    });
    expect(second.seen).toEqual([]);
    expect(await ask(`PATCH /v1/servers/${made.id}`, { ...moved, auth: secretAuth })).toMatchObject({
      status: 200,
      body: { status: 'ready', transport: { url: second.url } },
    });
    expect(second.seenOf('initialize')[0]?.headers.authorization).toBe(SECRET);
  });
});

const everythingStored = async (): Promise<string> => {
  const { rows } = await toolgate.db.worker.query<{ name: string }>(
    "select format('%I', relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace " +
      "where nspname = 'public' and relkind in ('r', 'p')",
  );
  const owner = new pg.Client(toolgate.databaseUrl);
  await owner.connect();
  const stored: string[] = [];
  for (const { name } of rows)
    stored.push(
      ...(await owner.query<{ text: string }>(`select to_jsonb(t)::text as text from ${name} t`)).rows.map(
        ({ text }) => text,
      ),
    );
  await owner.end();
  return stored.join('\n');
};

describe('the servers of an organization', () => {
  test('are listed page by page, oldest first', async () => {
    const person = await signUp(toolgate.url);
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1)
      ids.push((await as(person)('POST /v1/servers', at('http://127.0.0.1:9/mcp', { name: `s${index}` }))).body.id);
    const first = (await as(person)('GET /v1/servers?limit=3')).body;
    const second = (await as(person)(`GET /v1/servers?limit=3&after=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ id }: { id: string }) => id)).toEqual(ids);
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
    expect((await as(person)('GET /v1/servers?limit=0')).status).toBe(400);
  });

  test('are not found by another organization, on any path', async () => {
    const { id } = await register(at('http://127.0.0.1:9/mcp'));
    for (const what of [
      `GET /v1/servers/${id}`,
      `DELETE /v1/servers/${id}`,
      `POST /v1/servers/${id}/discover`,
      `GET /v1/servers/${id}/tools`,
    ])
      expect(await as(other)(what)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await as(other)(`PATCH /v1/servers/${id}`, { name: 'mine' })).status).toBe(404);
    expect((await as(other)('GET /v1/servers')).body.items).toEqual([]);
    expect((await ask('GET /v1/servers/srv_%00')).status).toBe(404);
  });

  test('are read by every role and written by admins only', async () => {
    const { id } = await register(at('http://127.0.0.1:9/mcp'));
    const viewer = await join(toolgate.url, admin, 'viewer');
    for (const what of ['GET /v1/servers', `GET /v1/servers/${id}`, `GET /v1/servers/${id}/tools`])
      expect((await as(viewer)(what)).status).toBe(200);
    const writes: readonly [string, unknown?][] = [
      ['POST /v1/servers', at('http://127.0.0.1:9/mcp')],
      [`PATCH /v1/servers/${id}`, { name: 'x' }],
      [`DELETE /v1/servers/${id}`],
      [`POST /v1/servers/${id}/discover`],
    ];
    for (const [what, body] of writes) expect((await as(viewer)(what, body)).status).toBe(403);
    expect((await call(toolgate.url, 'GET /v1/servers')).status).toBe(401);
  });
});

describe('changing a server', () => {
  test('renames and disables it without asking the upstream', async () => {
    const server = await upstream();
    const { id } = await register(at(server.url));
    expect((await ask(`PATCH /v1/servers/${id}`, { name: 'renamed', disabled: true })).body).toMatchObject({
      name: 'renamed',
      disabled: true,
      status: 'disabled',
      toolCount: 1,
    });
    expect((await ask(`PATCH /v1/servers/${id}`, { disabled: false })).body).toMatchObject({
      name: 'renamed',
      status: 'ready',
    });
    expect(server.seenOf('tools/list')).toHaveLength(1);
  });

  test('discovers it anew where its URL or its auth changes, and keeps its tools when that fails', async () => {
    const [first, second] = [
      await upstream({ tools: [aTool('old')] }),
      await upstream({ tools: [aTool('new'), aTool('newer')] }),
    ];
    const { id } = await register(at(first.url));
    expect(
      (await ask(`PATCH /v1/servers/${id}`, { transport: { type: 'streamable-http', url: second.url } })).body,
    ).toMatchObject({ toolCount: 2 });
    const failed = await ask(`PATCH /v1/servers/${id}`, {
      transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' },
    });
    expect(failed.body).toMatchObject({
      status: 'unreachable',
      toolCount: 2,
      transport: { url: 'http://127.0.0.1:9/mcp' },
    });
    expect((await ask(`GET /v1/servers/${id}/tools`)).body.items.map(({ name }: { name: string }) => name)).toEqual([
      'new',
      'newer',
    ]);
  });

  test('makes no event where nothing differs, and refuses what registering refuses', async () => {
    const { id } = await register(at('http://127.0.0.1:9/mcp'));
    await ask(`PATCH /v1/servers/${id}`, {
      name: 'GitLab',
      disabled: false,
      transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' },
    });
    await ask(`PATCH /v1/servers/${id}`, {});
    const { rows } = await toolgate.db.worker.query(
      'select type, event from events where stream_id = $1 order by version',
      [id],
    );
    expect(rows.map(({ type }: { type: string }) => type)).toEqual(['server.registered', 'tools.discovered']);
    expect(rows[0]).toMatchObject({ event: { actor: { type: 'member', id: admin.user.id }, serverId: id } });
    expect(
      (await ask(`PATCH /v1/servers/${id}`, { transport: { type: 'streamable-http', url: 'http://169.254.169.254/' } }))
        .body.code,
    ).toBe('url_not_allowed');
    expect((await ask(`PATCH /v1/servers/${id}`, { auth: { type: 'oauth', per: 'identity' } })).body.code).toBe(
      'unsupported',
    );
    expect((await ask(`PATCH /v1/servers/${id}`, { id: 'srv_x' })).status).toBe(400);
  });

  test('disables single tools by name, over later discoveries, and only those that were discovered', async () => {
    const server = await upstream({ tools: [aTool('a/b c%'), aTool('other')] });
    const { id } = await register(at(server.url));
    const path = `PATCH /v1/servers/${id}/tools/${encodeURIComponent('a/b c%')}`;
    const off = async (): Promise<unknown> =>
      (await ask(`GET /v1/servers/${id}/tools`)).body.items.map(
        ({ name, disabled }: { name: string; disabled: boolean }) => [name, disabled],
      );
    for (const disabled of [true, true])
      expect((await ask(path, { disabled })).body).toMatchObject({ name: 'a/b c%', disabled: true });
    server.setTools([aTool('other')]);
    await ask(`POST /v1/servers/${id}/discover`);
    expect([await off(), (await ask(path, { disabled: false })).status]).toEqual([[['other', false]], 404]);
    server.setTools([aTool('a/b c%', { description: 'another' }), aTool('other')]);
    await ask(`POST /v1/servers/${id}/discover`);
    expect(await off()).toEqual([
      ['a/b c%', true],
      ['other', false],
    ]);
    expect((await ask(path, { disabled: false })).body.disabled).toBe(false);
    expect(await ask(`PATCH /v1/servers/${id}/tools/others`, { disabled: true })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect((await as(await join(toolgate.url, admin, 'policy_manager'))(path, { disabled: true })).status).toBe(403);
    const { rows } = await toolgate.db.worker.query(
      `select type, event->>'tool' as tool, event->'actor'->>'id' as actor from events where stream_id = $1
        and type like 'tool.%' order by version`,
      [id],
    );
    expect(rows).toEqual(
      ['tool.disabled', 'tool.enabled'].map((type) => ({ type, tool: 'a/b c%', actor: admin.user.id })),
    );
  });

  test('deletes it for good', async () => {
    const { id } = await register(at('http://127.0.0.1:9/mcp'));
    const policy = await ask(`POST /v1/servers/${id}/policies`, {
      name: 'p',
      document: { version: '1', default: 'deny' },
    });
    const identity = await ask('POST /v1/identities', { name: 'ci', kind: 'service' });
    const grant = await ask('POST /v1/grants', {
      identityId: identity.body.id,
      serverId: id,
      policyId: policy.body.id,
    });
    expect(await ask(`DELETE /v1/servers/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect((await ask(`DELETE /v1/servers/${id}`)).status).toBe(404);
    for (const path of [`servers/${id}`, `servers/${id}/tools`, `servers/${id}/policies`, `policies/${policy.body.id}`])
      expect((await ask(`GET /v1/${path}`)).status).toBe(404);
    expect(
      (await ask(`POST /v1/servers/${id}/policies`, { name: 'p', document: { version: '1', default: 'deny' } })).status,
    ).toBe(404);
    expect((await ask(`GET /v1/grants/${grant.body.id}`)).body.status).toBe('revoked');
    const { rows } = await toolgate.db.worker.query(
      "select event->>'reason' as reason from events where stream_id = $1 and type = 'grant.revoked'",
      [grant.body.id],
    );
    expect(rows).toEqual([{ reason: 'server_deleted' }]);
  });
});

describe('the query of a URL', () => {
  const SHOWN = '?token=***&v=***&***';

  test('goes to the server and is shown and recorded by its names only', async () => {
    const { url, seen } = await upstream();
    const server = await register(at(`${url}?token=tg-query-secret&v=2&bare`));
    expect([server.transport.url, server.status]).toEqual([`${url}${SHOWN}`, 'ready']);
    expect(seen.every(({ path }) => path === '/mcp?token=tg-query-secret&v=2&bare')).toBe(true);
    const { rows } = await toolgate.db.worker.query<{ text: string }>(
      `select event::text as text from events where stream_id = $1 union select to_jsonb(s)::text from servers s
        where id = $1`,
      [server.id],
    );
    expect(rows.filter(({ text }) => text.includes('tg-query-secret'))).toEqual([]);
    expect(await ask(`POST /v1/servers/${server.id}/discover`)).toMatchObject({ body: { status: 'ready' } });
    expect(seen.every(({ path }) => path.includes('tg-query-secret'))).toBe(true);
  });

  test(
    'stays when the URL is sent back as it was shown, changes with another value, and is wanted again ' +
      'with another path',
    async () => {
      const { url, seen } = await upstream();
      const server = await register({ ...at(`${url}?token=first`), auth: secretAuth });
      const change = (next: string): Promise<Answer> =>
        ask(`PATCH /v1/servers/${server.id}`, { transport: { type: 'streamable-http', url: next } });
      const last = async (): Promise<string | undefined> => (
        await ask(`POST /v1/servers/${server.id}/discover`),
        seen.at(-1)?.path
      );
      expect([(await change(`${url}?token=***`)).status, await last()]).toEqual([200, '/mcp?token=first']);
      expect([(await change(`${url}?token=second`)).body.transport.url, await last()]).toEqual([
        `${url}?token=***`,
        '/mcp?token=second',
      ]);
      expect(pointers(await change(`${url}/other?token=***`))).toEqual(['/transport/url']);
      expect((await ask(`PATCH /v1/servers/${server.id}`, { auth: { type: 'none' } })).status).toBe(200);
      expect([await last(), seen.at(-1)?.headers['x-tenant']]).toEqual(['/mcp?token=second', undefined]);
      expect([(await change(url)).body.transport.url, await last()]).toEqual([url, '/mcp']);
      const { rows } = await toolgate.db.worker.query('select 1 from server_secrets where server_id = $1', [server.id]);
      expect(rows).toEqual([]);
    },
  );
});

describe('discovering again', () => {
  test('shows the tools that there are now, by name, page by page', async () => {
    const server = await upstream({ tools: [aTool('b')] });
    const { id } = await register(at(server.url));
    const names = [
      'Zed',
      'a b/c',
      'a~',
      'ärger',
      'x'.repeat(300),
      ...Array.from({ length: 245 }, (_, index) => `tool.${String(index).padStart(3, '0')}`),
    ];
    server.setTools(names.map((name) => aTool(name)));
    expect(await ask(`POST /v1/servers/${id}/discover`)).toMatchObject({
      status: 200,
      body: { toolCount: 250, status: 'ready' },
    });
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { body } = await ask(`GET /v1/servers/${id}/tools?limit=60${after}`);
      seen.push(...body.items.map(({ name }: { name: string }) => name));
      if (!body.hasMore) break;
      after = `&after=${body.nextCursor}`;
    }
    expect(seen).toEqual(names.sort());
    expect((await ask(`GET /v1/servers/${id}/tools?limit=1`)).body.items[0]).toEqual({
      name: 'Zed',
      version: 3,
      title: null,
      description: 'Does Zed',
      inputSchema: { type: 'object' },
      annotations: null,
      definitionHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      disabled: false,
      pinnedHash: null,
      changed: false,
      changes: [],
      category: 'Write',
      risk: 'medium',
      evidence: ['Nothing in the definition says what it does, so it counts as Write'],
      recommendedPolicy: {
        version: '1',
        default: 'deny',
        tools: { Zed: { limits: [{ counter: 'Zed_rate', window: 'hour', max: 30, scope: 'grant' }] } },
      },
      overruled: null,
    });
  });

  test('shows annotations, title and the output schema where a tool has them', async () => {
    const more = {
      title: 'T',
      annotations: { readOnlyHint: true },
      outputSchema: { type: 'object', properties: { constructor: { type: 'string' } } },
    };
    const server = await upstream({ tools: [aTool('full', more)] });
    const { id } = await register(at(server.url));
    expect((await ask(`GET /v1/servers/${id}/tools`)).body.items[0]).toMatchObject(more);
  });

  test('keeps the tools when it fails, and tells why', async () => {
    const server = await upstream();
    const { id } = await register(at(server.url));
    server.setIntercept((_request, response) => response.writeHead(401).end() !== undefined);
    expect(await ask(`POST /v1/servers/${id}/discover`)).toMatchObject({
      status: 200,
      body: { status: 'needs_sign_in', toolCount: 1 },
    });
    server.setIntercept(undefined);
    expect((await ask(`POST /v1/servers/${id}/discover`)).body).toMatchObject({ status: 'ready', statusDetail: null });
  });

  test(
    'is refused where the server meanwhile is reached another way: its tools would be another ' + 'server’s',
    async () => {
      const [slow, quick] = [await upstream({ tools: [aTool('slow')] }), await upstream({ tools: [aTool('quick')] })];
      const { id } = await register(at(slow.url));
      slow.setIntercept(() => new Promise((done) => setTimeout(() => done(false), 200)));
      const discovering = ask(`POST /v1/servers/${id}/discover`);
      await expect.poll(() => slow.seenOf('initialize').length).toBe(2);
      expect(
        (await ask(`PATCH /v1/servers/${id}`, { transport: { type: 'streamable-http', url: quick.url } })).status,
      ).toBe(200);
      expect(await discovering).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect((await ask(`GET /v1/servers/${id}/tools`)).body.items.map(({ name }: { name: string }) => name)).toEqual([
        'quick',
      ]);
    },
  );

  test('runs once for requests that come together', async () => {
    const server = await upstream();
    const { id } = await register(at(server.url));
    server.setIntercept(() => new Promise((done) => setTimeout(() => done(false), 200)));
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(`POST /v1/servers/${id}/discover`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(server.seenOf('tools/list')).toHaveLength(2);
  });
});
