import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect } from 'vitest';
import { send, type Answer, type Json } from './problem.js';
import { tenantTest } from '../../support/product-test.js';

const { test, toolgate, tenant } = tenantTest();

const ask = (method: string, path: string, sent: Parameters<typeof send>[3] = {}): Promise<Answer> =>
  send(toolgate.url, method, path, { token: tenant.token, ...sent });
const post = (path: string, body: unknown, headers = {}): Promise<Answer> =>
  ask('POST', path, { body: typeof body === 'string' ? body : JSON.stringify(body), headers });
const pointers = ({ body }: Answer): readonly string[] =>
  ((body['errors'] ?? []) as readonly { pointer: string }[]).map(({ pointer }) => pointer).sort();
const identityNames = async (): Promise<readonly unknown[]> =>
  ((await ask('GET', '/v1/identities?limit=1000')).body['items'] as readonly Json[]).map(({ name }) => name);

/** What fetch can't send: a body with GET, or with chunked coding and no type. */
const raw = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      toolgate.url + path,
      { method, headers: { authorization: `Bearer ${tenant.token}`, ...headers } },
      (response: IncomingMessage) => {
        response.resume().once('end', () => resolve(response.statusCode));
      },
    );
    request.once('error', reject).end(body);
  });

describe('a body', () => {
  test.each(['{', '{"name":', 'null', '"text"', '17', '{"name":"a",}', "{'name':'a'}", '\u0000', '[1,2'])(
    'that is not a JSON object is refused as invalid_body: %j',
    async (body) => {
      expect(await post('/v1/identities', body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    },
  );

  test.each(['[]', '[{"name":"a","kind":"agent"}]', '[[]]'])(
    'that is a list is refused where an object belongs: %s',
    async (body) => {
      expect((await post('/v1/identities', body)).status).toBe(400);
      expect((await post('/v1/api-keys', body)).status).toBe(400);
    },
  );

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json-seq',
    'nonsense',
    'application/json; charset=utf-16',
  ])('declared as %s is refused and not ignored, whatever the method', async (type) => {
    const body = JSON.stringify({ name: `by ${type}`, kind: 'agent' });
    for (const [method, path] of [
      ['POST', '/v1/identities'],
      ['PUT', '/v1/policies/pol_x'],
      ['PATCH', '/v1/identities/idn_x'],
      ['POST', '/v1/grants/grt_x/rotate'],
    ] as const) {
      expect(await ask(method, path, { body, headers: { 'content-type': type } }), method).toMatchObject({
        status: 400,
        body: { code: 'invalid_body' },
      });
    }
    expect(await identityNames()).not.toContain(`by ${type}`);
  });

  test('without a Content-Type is refused, and an empty one of any type is none', async () => {
    const created = JSON.stringify({ name: 'no type', kind: 'agent' });
    expect(await raw('POST', '/v1/identities', {}, created)).toBe(400);
    expect(await raw('POST', '/v1/identities', { 'transfer-encoding': 'chunked' }, created)).toBe(400);
    expect(
      await raw('POST', '/v1/policies/validate', { 'content-type': 'text/plain', 'content-length': '0' }, ''),
    ).toBe(400);
    expect(
      await raw(
        'POST',
        '/v1/logout',
        { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0', authorization: 'Bearer x' },
        '',
      ),
    ).toBe(401);
    const { status, body } = await post('/v1/api-keys', { name: 'k', role: 'viewer' });
    expect(status).toBe(201);
    expect(
      await raw(
        'DELETE',
        `/v1/api-keys/${String(body['id'])}`,
        { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' },
        '',
      ),
    ).toBe(204);
  });

  test('over 1 MiB is refused as too_large, and the connection lives on', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(1024 * 1024), kind: 'agent' });
    expect(await post('/v1/identities', large)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    expect(await post('/v1/identities', large, { 'content-type': 'text/plain' })).toMatchObject({
      status: 413,
      body: { code: 'too_large' },
    });
    expect((await ask('GET', '/v1/me')).status).toBe(200);
  });

  test('nested over 64 levels is refused, and one of fewer is judged', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    for (const [path, body] of [
      ['/v1/identities', `{"name":"deep","kind":"agent","attributes":${deep}}`],
      ['/v1/policies/validate', `{"document":${deep}}`],
      ['/v1/servers', deep],
      ['/v1/login', `{"email":${'['.repeat(8_000)}${']'.repeat(8_000)}}`],
    ] as const) {
      expect(await post(path, body, { 'idempotency-key': `deep ${path}` }), path).toMatchObject({
        status: 400,
        body: { code: 'invalid_body' },
      });
    }
    const document = `{"version":"1","default":"deny","tools":${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`;
    expect(await post('/v1/policies/validate', `{"document":${document}}`)).toMatchObject({
      status: 200,
      body: { valid: false },
    });
  });

  test.each([
    ['/v1/policies/validate', '{"document":{"version":"1","default":"deny","tools":{"a":{"action":"deny"},"a":{}}}}'],
    [
      '/v1/policies/validate',
      '{"document":{"version":"1","default":"deny","tools":{"a":{"action":"deny"},"\\u0061":{}}}}',
    ],
    ['/v1/identities', '{"name":"once","kind":"agent","name":"twice"}'],
    ['/v1/identities', '{"name":"a","kind":"agent","attributes":{"team:":"a","team:":"b"}}'],
  ])('of %s that has a member twice is refused, as only one of the two would count: %s', async (path, body) => {
    expect(await post(path, body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
  });

  test('with colons, quotes and escapes in its names and texts is read as any other', async () => {
    const attributes = { 'a:b': ':', 'c"d': '"x":1', 'e\\': '\\"', x: '{"a":1,"a":2}' };
    expect(await post('/v1/identities', { name: 'a "quoted": name', kind: 'agent', attributes })).toMatchObject({
      status: 201,
      body: { attributes },
    });
  });

  test('that can not be read is told only to who may ask', async () => {
    const { secret: viewer } = (await post('/v1/api-keys', { name: 'viewer', role: 'viewer' })).body;
    const large = JSON.stringify({ name: 'x'.repeat(1024 * 1024), kind: 'agent' });
    for (const body of ['{', '{"a":1,"a":2}', large, `{"a":${'['.repeat(100)}${']'.repeat(100)}}`]) {
      expect(await ask('POST', '/v1/identities', { body, token: undefined })).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
      });
      expect(await ask('POST', '/v1/identities', { body, token: String(viewer) })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      expect((await ask('POST', '/v1/nothing', { body })).status).toBe(404);
      expect([400, 413]).toContain((await ask('POST', '/v1/signup', { body, token: undefined })).status);
    }
  });

  test('with unknown members is refused, with a pointer to each', async () => {
    const answer = await post('/v1/identities', { name: 'a', kind: 'agent', role: 'admin', 'a/b~c': 1 });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_body',
        errors: expect.arrayContaining([expect.objectContaining({ code: 'unknown_key' })]),
      },
    });
    expect(pointers(answer)).toEqual(['/a~1b~0c', '/role']);
  });

  test('with several things wrong is told all of them at once, each place once, and no value comes back', async () => {
    const answer = await post('/v1/grants', {
      identityId: 'leaked-value-1',
      serverId: 7,
      policyId: 'leaked-value-2',
      label: '',
      expiresAt: 'leaked-value-3',
    });
    expect(answer.status).toBe(400);
    expect(pointers(answer)).toEqual(['/expiresAt', '/identityId', '/label', '/policyId', '/serverId']);
    expect(answer.text).not.toContain('leaked-value');
  });

  test.each(['\\u0000', '\\ud800', '\\udc00x', '\\ud83d\\ude00', '\\ufeff', '\\u202e'])(
    'with the character %s anywhere is kept or refused',
    async (text) => {
      const serverId = await tenant.server('http://127.0.0.1:9/mcp');
      const identityId = await tenant.identity('characters');
      const bodies: readonly (readonly [string, string, string])[] = [
        ['POST', '/v1/identities', `{"name":"a${text}","kind":"agent"}`],
        [
          'POST',
          '/v1/identities',
          `{"name":"a","kind":"agent","externalId":"${text}","attributes":{"a${text}":"${text}"}}`,
        ],
        ['PATCH', `/v1/identities/${identityId}`, `{"attributes":{"a":"${text}"}}`],
        ['POST', '/v1/api-keys', `{"name":"${text}","role":"viewer"}`],
        [
          'POST',
          '/v1/servers',
          `{"name":"a","transport":{"type":"streamable-http","url":"http://127.0.0.1:9/${text}"}}`,
        ],
        [
          'POST',
          '/v1/servers',
          `{"name":"a","transport":{"type":"streamable-http","url":"http://127.0.0.1:9/"},"auth":{"type":"headers","headers":{"x":"${text}","y${text}":"a"}}}`,
        ],
        ['POST', `/v1/servers/${serverId}/policies`, `{"name":"p${text}","document":{"version":"1","default":"deny"}}`],
        [
          'POST',
          `/v1/servers/${serverId}/policies`,
          `{"name":"p","document":{"version":"1","default":"deny","description":"a${text}","hide":["a${text}"]}}`,
        ],
        [
          'POST',
          `/v1/servers/${serverId}/policies`,
          `{"name":"p","document":{"version":"1","default":"deny","tools":{"a${text}":{"action":"deny",` +
            `"reason":"a${text}"}}}}`,
        ],
        [
          'POST',
          `/v1/servers/${serverId}/policies`,
          '{"name":"p","document":{"version":"1","default":"deny",' +
            `"tools":{"a":{"limits":[{"counter":"a${text}","window":60,"max":1}]}}}}`,
        ],
        ['POST', '/v1/policies/validate', `{"document":{"a${text}":"${text}"}}`],
        ['POST', '/v1/login', `{"email":"a@example.com","password":"${text}"}`],
        [
          'POST',
          '/v1/signup',
          `{"email":"character-${Date.now()}@example.com","password":"correct horse ${text}","organizationName":"a"}`,
        ],
        ['POST', '/v1/invitations', `{"email":"a${text}@example.com","role":"viewer"}`],
      ];
      for (const [method, path, body] of bodies)
        expect((await ask(method, path, { body })).status, `${method} ${path} ${body}`).toBeLessThan(500);
    },
  );

  const hostile = [
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"__proto__":null}',
    '{"prototype":1,"toString":1,"hasOwnProperty":1,"valueOf":null}',
    '{"name":{"__proto__":1},"kind":"constructor"}',
  ];
  test.each(hostile)('with names of Object.prototype is answered like any other: %s', async (body) => {
    for (const path of [
      '/v1/identities',
      '/v1/servers',
      '/v1/grants',
      '/v1/api-keys',
      '/v1/policies/validate',
      '/v1/login',
      '/v1/signup',
      '/v1/invitations',
    ]) {
      expect((await post(path, body)).status, path).toBe(400);
    }
    expect(({} as Json)['x']).toBeUndefined();
  });

  test('with names of Object.prototype among valid members makes nothing else of them', async () => {
    const { body } = await post(
      '/v1/identities',
      '{"name":"proto","kind":"agent","attributes":{"__proto__":"a","constructor":"b","toString":"c"}}',
    );
    expect(JSON.stringify(body['attributes'])).toBe('{"toString":"c","__proto__":"a","constructor":"b"}');
    const decided = await post(
      '/v1/policies/validate',
      '{"document":{"version":"1","default":"deny","tools":{"__proto__":{"action":"deny"},' +
        '"constructor":{"action":"allow"}}}}',
    );
    expect(decided).toMatchObject({ status: 200, body: { valid: true } });
  });
});

describe('a query', () => {
  const lists = ['/v1/api-keys', '/v1/members', '/v1/servers', '/v1/identities', '/v1/grants', '/v1/audit/events'];
  const wrong = [
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1.5',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'limit[]=1',
    'after=%00',
    `after=${'A'.repeat(5000)}`,
    'after=!!',
    'after=a&after=b',
    'after[x]=1',
    'after=2024%0a',
    'unknown=1',
  ];
  test.each(lists.flatMap((path) => wrong.map((query) => `${path}?${query}`)))(
    'that makes no sense is refused as invalid_body: %s',
    async (path) => {
      expect(await ask('GET', path)).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    },
  );

  test.each(lists)('of %s with an empty cursor asks for the first page', async (path) => {
    const [first, empty] = [await ask('GET', `${path}?limit=1`), await ask('GET', `${path}?limit=1&after=`)];
    expect([empty.status, empty.text]).toEqual([200, first.text]);
  });

  test('that asks page by page is answered a cursor as long as more follows, and null at the end', async () => {
    const names = (await identityNames()).length;
    for (let page = 1, after = ''; page <= names; page += 1) {
      const { body } = await ask('GET', `/v1/identities?limit=1&after=${after}`);
      expect([body['hasMore'], body['nextCursor']]).toEqual(page < names ? [true, expect.any(String)] : [false, null]);
      after = String(body['nextCursor']);
    }
  });

  test.each(['2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2025-02-29T12:00:00+01:00', '2026-01-01T24:30:00Z'])(
    'with a time that is in no calendar is refused: %s',
    async (time) => {
      for (const path of ['/v1/audit/events', '/v1/usage'])
        expect((await ask('GET', `${path}?from=${encodeURIComponent(time)}`)).status).toBe(400);
    },
  );

  test.each(lists)('of %s takes limits from 1 to 1000', async (path) => {
    for (const limit of [1, 1000]) expect((await ask('GET', `${path}?limit=${limit}`)).status).toBe(200);
  });

  test.each(lists)(
    'of %s with a cursor of nothing is an answer or invalid_body, never more than the list',
    async (path) => {
      for (const cursor of ['zzz', 'idn_', '-1', '99999999999999999999', 'events:1:1:1', 'events:1:99999999999999']) {
        const { status, body } = await ask('GET', `${path}?after=${Buffer.from(cursor).toString('base64url')}`);
        expect([200, 400], `${cursor}: ${JSON.stringify(body)}`).toContain(status);
      }
    },
  );

  test.each([
    '/v1/usage?groupBy=grant&groupBy=grant',
    '/v1/usage?interval=day&interval=day',
    '/v1/usage?from=2026-01-01',
    '/v1/audit/export?format=ndjson&format=csv',
    '/v1/audit/export',
    '/v1/audit/events?from=x&from=y',
    '/v1/grants?status=active&status=revoked',
    '/v1/members?__proto__=1',
    '/v1/members?constructor=1',
    '/v1/members?__proto__[limit]=1',
  ])('with a doubled or malformed parameter breaks nothing: %s', async (path) => {
    expect([200, 400]).toContain((await ask('GET', path)).status);
  });
});

describe('an answer', () => {
  test('that is a problem has the media type of RFC 9457, without parameters', async () => {
    for (const [method, path] of [
      ['GET', '/v1/nothing'],
      ['POST', '/v1/identities'],
    ] as const)
      expect((await ask(method, path)).headers.get('content-type')).toBe('application/problem+json');
  });

  test('carries security headers and does not say what made it', async () => {
    for (const path of ['/v1/me', '/v1/nothing', '/openapi.json']) {
      const { headers } = await ask('GET', path);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(headers.get('strict-transport-security')).toContain('max-age=');
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('to HEAD has the status of GET and no body; to OPTIONS it opens nothing to other origins', async () => {
    for (const path of ['/v1/me', '/v1/servers', '/v1/nothing', '/healthz', '/readyz', '/metrics']) {
      const [head, get] = [await ask('HEAD', path), await ask('GET', path)];
      expect([head.status, head.text], path).toEqual([get.status, '']);
    }
    expect((await ask('HEAD', '/v1/me', { token: 'wrong' })).status).toBe(401);
    const { status, headers } = await ask('OPTIONS', '/v1/servers', {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(status).toBeLessThan(500);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each([
    '/v1',
    '/v1/',
    '/v1/nothing',
    '/v2/servers',
    '/v1/servers/a/b/c',
    '/%ff',
    '/v1/servers/%ff',
    '/v1/servers/%00',
    '/v1//servers',
  ])('at a path that is not there is a problem: %s', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE']) expect([400, 404]).toContain((await ask(method, path)).status);
  });
});

describe('an Idempotency-Key', () => {
  test('makes one object of fifty creates at once, and answers all of them alike', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        post('/v1/api-keys', { name: 'just one', role: 'viewer' }, { 'idempotency-key': 'fifty' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    const { items } = (await ask('GET', '/v1/api-keys?limit=1000')).body as { items: readonly Json[] };
    expect(items.filter(({ name }) => name === 'just one')).toHaveLength(1);
  });

  test('with another body is refused, and malformed it is refused', async () => {
    await post('/v1/identities', { name: 'first', kind: 'agent' }, { 'idempotency-key': 'other' });
    expect(
      await post('/v1/identities', { name: 'second', kind: 'agent' }, { 'idempotency-key': 'other' }),
    ).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect(
      (await post('/v1/identities', { name: 'third', kind: 'agent' }, { 'idempotency-key': 'x'.repeat(256) })).status,
    ).toBe(400);
    expect(await identityNames()).not.toContain('second');
  });

  test('of a request that was refused is free for another', async () => {
    expect((await post('/v1/identities', { name: '', kind: 'agent' }, { 'idempotency-key': 'again' })).status).toBe(
      400,
    );
    expect(
      (await post('/v1/identities', { name: 'again', kind: 'agent' }, { 'idempotency-key': 'again' })).status,
    ).toBe(201);
  });
});

describe('a session cookie', () => {
  const cookie = (): Readonly<Record<string, string>> => ({ cookie: `toolgate_session=${tenant.token}` });
  const byCookie = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> => send(toolgate.url, method, path, { headers: { ...cookie(), ...headers }, body });

  test('counts when the request comes from our own origin', async () => {
    expect((await byCookie('GET', '/v1/me', { origin: toolgate.url })).status).toBe(200);
    expect(
      (await byCookie('POST', '/v1/identities', { origin: toolgate.url }, '{"name":"by cookie","kind":"agent"}'))
        .status,
    ).toBe(201);
  });

  test.each(['https://evil.example', 'null', '', 'http://127.0.0.1', 'http://127.0.0.1:1'])(
    'does not count with Origin %j',
    async (origin) => {
      expect((await byCookie('GET', '/v1/me', { origin })).status).toBe(401);
      expect((await byCookie('POST', '/v1/identities', { origin }, '{"name":"forged","kind":"agent"}')).status).toBe(
        401,
      );
      expect(await identityNames()).not.toContain('forged');
    },
  );

  test('does not count without an Origin, nor with one that only begins or ends like ours', async () => {
    expect((await byCookie('GET', '/v1/me', {})).status).toBe(401);
    for (const origin of [`${toolgate.url}.evil.example`, `${toolgate.url}/`, `https://evil.example ${toolgate.url}`])
      expect((await byCookie('GET', '/v1/me', { origin })).status).toBe(401);
  });

  test('does not stand in for a wrong bearer', async () => {
    expect((await byCookie('GET', '/v1/me', { origin: toolgate.url, authorization: 'Bearer wrong' })).status).toBe(401);
  });
});
