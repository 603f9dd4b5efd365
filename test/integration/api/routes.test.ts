import { afterAll, describe, expect, test } from 'vitest';
import { MEMBER_ROLES, type MemberRole } from '../../../src/platform/rest/allowed.js';
import { newToken } from '../../../src/platform/crypto/tokens.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { request, signUp, type Tenant } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { startUpstream } from '../../support/upstream.js';
import { earlierCode, shownCode } from '../../support/authenticator.js';
import { append, decided, until } from '../audit/audit-support.js';
import { DOCUMENT, hasId, invite, makeFor, nobodys, objectPath, PASSWORD, withId, withoutNumbers } from './objects.js';
import {
  bodyOf,
  idMembers,
  isIdMember,
  mismatches,
  oneOf,
  operationsOf,
  type OpenApi,
  type Operation,
  type Values,
} from './openapi.js';
import { send, type Answer, type Json } from './problem.js';

const toolgate = await startTestToolgate();
const upstream = await startUpstream({ json: true });
afterAll(async () => {
  await toolgate.close();
  await upstream.close();
});

const document = (await request(`${toolgate.url}/openapi.json`, 'GET')).body as unknown as OpenApi;
const operations = operationsOf(document);
const named = operations.map((operation) => [operation.name, operation] as const);
const withIds = named.filter(([, { path }]) => hasId(path));
const guarded = named.filter(([, { allowed }]) => !allowed.includes('anyone'));

const ours = await signUp(toolgate.url);
const theirs = await signUp(toolgate.url);
const emailOf = async (tenant: Tenant): Promise<string> =>
  ((await tenant.api('GET', '/v1/me')).body['user'] as Json)['email'] as string;

const keyOf = async (role: string): Promise<string> =>
  (await ours.api('POST', '/v1/api-keys', { name: role, role })).body['secret'] as string;
const keys = Object.fromEntries(
  await Promise.all(MEMBER_ROLES.map(async (role) => [role, await keyOf(role)])),
) as Readonly<Record<MemberRole, string>>;

/** Objects of one organization for the members of bodies and queries, that go together in one grant. */
const valuesOf = async (tenant: Tenant): Promise<Values> => {
  const serverId = await tenant.server(upstream.url);
  const [policyId, identityId] = [await tenant.policy(serverId, DOCUMENT), await tenant.identity('named in bodies')];
  const { id: grantId } = await tenant.grant({ serverId, policyId, identityId });
  const callId = newId('call');
  await append(toolgate.toolgate.eventLog, [decided(tenant.organizationId, { callId })]);
  const memberId = ((await tenant.api('GET', '/v1/me')).body['user'] as Json)['id'];
  return {
    serverId,
    policyId,
    shadowPolicyId: policyId,
    defaultPolicyId: policyId,
    identityId,
    grantId,
    callId,
    memberId,
    actorId: memberId,
    organizationId: tenant.organizationId,
    transport: { type: 'streamable-http', url: upstream.url },
    auth: { type: 'none' },
    'login.email': await emailOf(tenant),
    'login.password': PASSWORD,
    'signup.password': PASSWORD,
    'acceptInvitation.password': PASSWORD,
    'changePassword.current': PASSWORD,
    'createSecondFactor.current': PASSWORD,
    'changePassword.password': `${PASSWORD} 2`,
    'confirmPasswordReset.password': `${PASSWORD} 2`,
    'updateOrganization.disabled': false,
    'scheduleDeletion.organizationName': (await tenant.api('GET', '/v1/organization')).body['name'],
    'updateApprovalNotifications.webhookUrl': null,
    'updateNotifications.webhook': null,
    'updateGrant.policyId': null,
    'exportEvents.format': 'ndjson',
    'getBundle.from': 1,
    'getBundle.to': 1,
    'getConsistency.from': 1,
    'getConsistency.to': 1,
    'getLogKeys.origin': 'nobody',
    'classify.tools': [{ name: 'list_issues' }],
    'testPolicy.document': DOCUMENT,
    'createLogStream.config': { url: upstream.url },
    'createBackfill.from': { seq: 1 },
    'createBackfill.to': { seq: 1 },
    'simulatePolicy.from': '2026-01-01T00:00:00Z',
    'simulatePolicy.to': '2099-01-01T00:00:00Z',
  };
};
const values = await valuesOf(ours);
const foreign = await valuesOf(theirs);
await until(async () => (await ours.api('GET', '/v1/audit/tlog/checkpoint')).status === 200);

/** An operation as it can succeed: a body and the parameters that it wants. */
const perform = (
  operation: Operation,
  path: string,
  { token, body }: Readonly<{ token?: string | undefined; body?: Json | undefined }>,
): Promise<Answer> => {
  const wanted = operation.parameters
    .filter(({ in: where, required }) => required && where === 'query')
    .map(({ name, schema }) => `${name}=${String(values[`${operation.operationId}.${name}`] ?? schema?.enum?.[0])}`);
  const headers: Record<string, string> = operation.parameters.some(({ name }) => name === 'If-Match')
    ? { 'if-match': '*' }
    : {};
  const filled = withoutNumbers(path);
  return send(toolgate.url, operation.method, wanted.length === 0 ? filled : `${filled}?${wanted.join('&')}`, {
    token,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
};

/** The path that a request for this id reaches. */
const reachedBy = (path: string, id: string): string => new URL(withId(path, id), toolgate.url).pathname;

const anyPath = ({ path }: Operation): string => (hasId(path) ? withId(path, nobodys(path)) : path);
const body = (operation: Operation, more: readonly string[] = []): Json | undefined =>
  bodyOf(document, operation, values, [...more, ...(oneOf[operation.operationId ?? ''] ?? [])]);
const freshSession = async (): Promise<string> =>
  (await request(`${toolgate.url}/v1/login`, 'POST', { email: values['login.email'], password: PASSWORD })).body[
    'token'
  ] as string;

/**
 * What an admin sends with an operation; logging out ends a session of its own, and another password all of a person's.
 */
const credentialFor = async ({ allowed, operationId }: Operation): Promise<string | undefined> => {
  if (allowed.includes('anyone')) return undefined;
  if (/^(confirm|disable)SecondFactor$/.test(operationId ?? '')) return ofSecondFactor;
  if (operationId === 'changePassword') return (await ours.person('viewer')).token;
  return operationId === 'logout' ? freshSession() : ours.token;
};

/** The token that an operation wants, new and unused. */
let ofSecondFactor = '';
const tokensFor = async ({ operationId = '' }: Operation): Promise<Values> => {
  if (/^(confirm|disable)SecondFactor$/.test(operationId)) {
    const { token, api } = await ours.person('viewer');
    ofSecondFactor = token;
    const { secret } = (await api('POST', '/v1/me/totp', { current: PASSWORD })).body;
    if (operationId === 'disableSecondFactor')
      await api('POST', '/v1/me/totp/confirm', { code: await earlierCode(secret) });
    return { code: shownCode(secret) };
  }
  if (operationId === 'acceptInvitation') return { token: await invite(ours) };
  if (operationId !== 'confirmPasswordReset') return {};
  const member = await makeFor('/v1/members/{id}', ours, upstream.url);
  return { token: (await ours.api('POST', `/v1/members/${member}/password-reset`)).body['token'] };
};

/** What an organization's admin reads about an object; of what can't be read one by one, the list it is in. */
const seen = async (tenant: Tenant, path: string, id: string): Promise<unknown> => {
  const one = objectPath(path);
  const readable = operations.some((operation) => operation.method === 'GET' && operation.path === one);
  const { status, body } = await tenant.api(
    'GET',
    readable ? withId(one, id) : `${one.slice(0, one.indexOf('/{'))}?limit=1000`,
  );
  expect(status).toBe(200);
  return body;
};

describe('the document', () => {
  test('names every operation once, says who may call it, and what a success answers', () => {
    expect(operations.length).toBeGreaterThan(40);
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id ?? ''))).toEqual([]);
    expect(ids).toEqual([...new Set(ids)]);
    const known: ReadonlySet<string> = new Set([...MEMBER_ROLES, 'member', 'anyone']);
    for (const { name, allowed, responses } of operations) {
      expect(allowed.length > 0 && allowed.every((who) => known.has(who)), `${name} has no x-allowed`).toBe(true);
      const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      expect(successes.length, name).toBeGreaterThan(0);
      for (const [status, { content }] of successes) {
        if (status !== '204')
          expect(
            Object.values(content ?? {}).every(({ schema }) => schema !== undefined) && content !== undefined,
            `${name} has no schema for ${status}`,
          ).toBe(true);
      }
    }
  });

  test('has a summary, the roles and an example of every JSON body for each operation', () => {
    const summaries = operations.map(({ summary = '' }) => summary);
    expect(summaries.filter((summary) => !/^[A-Z].{8,}$/.test(summary))).toEqual([]);
    expect(summaries.filter((summary, index) => summaries.indexOf(summary) !== index)).toEqual([]);
    const wrong: unknown[] = [];
    for (const { name, description, allowed, json } of operations) {
      expect(description, name).toContain(
        `For ${allowed.map((who) => (who === 'member' ? 'every role' : who === 'anyone' ? 'anyone' : who)).join(', ')}`,
      );
      for (const { schema = {}, example, examples } of json)
        if (examples === undefined) wrong.push(...mismatches(document, schema, example, name));
    }
    expect(wrong).toEqual([]);
  });

  test('says what a refusal of every operation looks like', async () => {
    for (const { name, responses } of operations)
      expect(responses['default']?.content?.['application/problem+json']?.schema?.$ref, name).toBe(
        '#/components/schemas/ProblemView',
      );
    const refused = await request(`${toolgate.url}/v1/signup`, 'POST', {});
    expect(mismatches(document, { $ref: '#/components/schemas/ProblemView' }, refused.body)).toEqual([]);
  });

  test('opens to everybody, and for writing to every role, only what is meant to be', () => {
    const openTo = (who: string): readonly string[] =>
      operations
        .filter(({ allowed, method }) => allowed.includes(who) && (who === 'anyone' || method !== 'GET'))
        .map(({ name }) => name);
    expect(openTo('anyone').toSorted()).toEqual([
      'GET /.well-known/toolgate-log-keys',
      'GET /.well-known/toolgate-verify.mjs',
      'GET /schemas/policy-v1.json',
      'GET /v1/catalog/servers',
      'GET /v1/catalog/servers/{slug}',
      'GET /v1/catalog/servers/{slug}/tools/{tool}',
      'POST /v1/catalog/classify',
      'POST /v1/contact',
      'POST /v1/invitations/accept',
      'POST /v1/login',
      'POST /v1/password-reset',
      'POST /v1/password-reset/confirm',
      'POST /v1/signup',
    ]);
    expect(openTo('member').toSorted()).toEqual([
      'DELETE /v1/sessions/{id}',
      'POST /v1/logout',
      'POST /v1/me/organizations',
      'POST /v1/me/password',
      'POST /v1/me/totp',
      'POST /v1/me/totp/confirm',
      'POST /v1/me/totp/disable',
    ]);
    expect(openTo('viewer')).toEqual([]);
  });

  test('keeps what is sensitive to read from the roles that may not', () => {
    const readers = Object.fromEntries(
      operations
        .filter(({ allowed, method }) => method === 'GET' && !allowed.includes('member') && !allowed.includes('anyone'))
        .map(({ path, allowed }) => [path, [...allowed].sort()]),
    );
    expect(readers).toEqual({
      '/v1/api-keys': ['admin'],
      '/v1/invitations': ['admin'],
      '/v1/members': ['admin'],
      '/v1/members/{id}': ['admin'],
      '/v1/members/{id}/data': ['admin'],
      '/v1/organization/export': ['admin'],
      '/v1/approvals/notifications': ['admin'],
      '/v1/notifications': ['admin'],
      '/v1/audit/events': ['admin', 'auditor', 'policy_manager', 'viewer'],
      '/v1/audit/events/{id}': ['admin', 'auditor', 'policy_manager', 'viewer'],
      '/v1/audit/bundle': ['admin', 'auditor'],
      '/v1/audit/checkpoints': ['admin', 'auditor'],
      '/v1/audit/consistency': ['admin', 'auditor'],
      '/v1/audit/export': ['admin', 'auditor', 'policy_manager'],
      '/v1/audit/proofs/{seq}': ['admin', 'auditor'],
      '/v1/audit/tlog/checkpoint': ['admin', 'auditor'],
      '/v1/audit/tlog/tile/{path}': ['admin', 'auditor'],
      '/v1/log-streams': ['admin', 'auditor'],
      '/v1/log-streams/{id}': ['admin', 'auditor'],
      '/v1/log-streams/{id}/health': ['admin', 'auditor'],
      '/v1/log-streams/{id}/backfills': ['admin', 'auditor'],
      '/v1/log-streams/{id}/backfills/{backfillId}': ['admin', 'auditor'],
      '/v1/log-streams/{id}/dead-letters': ['admin', 'auditor'],
    });
  });
});

describe.each(named)('%s', (_name, operation) => {
  test('does for its own organization what the document says', async () => {
    const id = hasId(operation.path) ? await makeFor(operation.path, ours, upstream.url) : '';
    const acceptance = await tokensFor(operation);
    const sent = bodyOf(document, operation, { ...values, ...acceptance }, oneOf[operation.operationId ?? '']);
    const answer = await perform(operation, withId(operation.path, id), {
      token: await credentialFor(operation),
      body: sent,
    });
    const described = operation.responses[String(answer.status)];
    expect(described, `${answer.status} ${answer.text}`).toBeDefined();
    expect(answer.status).toBeLessThan(300);
    const schema = described?.content?.['application/json']?.schema;
    if (schema) expect(mismatches(document, schema, answer.body)).toEqual([]);
  });
});

describe.each(guarded)('%s', (_name, operation) => {
  test('wants a credential that is real', async () => {
    const strangers = [
      undefined,
      '',
      'wrong',
      `${keys.admin}x`,
      keys.admin.slice(0, -1),
      newToken('key', newId('key')),
      newToken('session', newId('ses')),
      newToken('grant', newId('grt')),
    ];
    const answers = await Promise.all(
      strangers.map((token) => perform(operation, anyPath(operation), { token, body: body(operation) })),
    );
    const told = answers.map(({ status, body: problem, headers }) => [
      status,
      problem['code'],
      headers.get('www-authenticate'),
    ]);
    expect(told).toEqual(strangers.map(() => [401, 'unauthorized', 'Bearer realm="toolgate"']));
  });

  test('is for the roles that it names and for no other', async () => {
    const answers = await Promise.all(
      MEMBER_ROLES.map(
        async (role) =>
          [role, await perform(operation, anyPath(operation), { token: keys[role], body: body(operation) })] as const,
      ),
    );
    for (const [role, { status, body: problem }] of answers) {
      const may = operation.allowed.includes('member') || operation.allowed.includes(role);
      if (may) expect([401, 403], `${role} got ${status}`).not.toContain(status);
      else expect([status, problem['code']], role).toEqual([403, 'forbidden']);
    }
  });
});

const MALFORMED = [
  'x',
  'null',
  'srv_',
  `srv_${'z'.repeat(26)}`,
  `${'0'.repeat(26)}`,
  'SRV_01H2XCEJQTF2NBREXX3VQJHP41',
  '%00',
  '%ff',
  '%E2%80%AE',
  "'%20or%201=1--",
  '..%2f..%2fme',
  '%2e%2e',
  '__proto__',
  'a'.repeat(4000),
  '😀',
  '-1',
  '%7Bid%7D',
];

const owned = withIds.filter(([, { allowed }]) => !allowed.includes('anyone'));

describe.each(owned)('%s', (_name, operation) => {
  test("answers another organization's object as one that never was, and leaves it alone", async () => {
    const id = await makeFor(operation.path, theirs, upstream.url);
    const before = await seen(theirs, operation.path, id);
    const sent = body(operation, idMembers(document, operation));
    const [foreigns, nobody] = [
      await perform(operation, withId(operation.path, id), { token: ours.token, body: sent }),
      await perform(operation, withId(operation.path, nobodys(operation.path)), { token: ours.token, body: sent }),
    ];
    expect([foreigns.status, foreigns.body['code']]).toEqual([404, 'not_found']);
    expect(foreigns.text).toBe(nobody.text);
    expect([...foreigns.headers.keys()]).toEqual([...nobody.headers.keys()]);
    expect(await seen(theirs, operation.path, id)).toEqual(before);
  });
});

describe.each(withIds)('%s', (_name, operation) => {
  test('answers an id that is none with 404 or 400', async () => {
    // A client takes dot segments out of a path before it sends it: what is left may be a list.
    const sent = MALFORMED.filter((id) => !operations.some(({ path }) => path === reachedBy(operation.path, id)));
    const answers = await Promise.all(
      sent.map(
        async (id) =>
          [
            id,
            (await perform(operation, withId(operation.path, id), { token: ours.token, body: body(operation) })).status,
          ] as const,
      ),
    );
    expect(answers.filter(([, status]) => status !== 400 && status !== 404)).toEqual([]);
  });
});

const naming = named.flatMap(([name, operation]) =>
  idMembers(document, operation).map((member) => [name, member, operation] as const),
);

describe.each(naming)("%s with another organization's %s", (_name, member, operation) => {
  test('is refused as with one that never was', async () => {
    const id = hasId(operation.path) ? await makeFor(operation.path, ours, upstream.url) : '';
    const prefix = String(foreign[member]).split('_')[0] as 'idn';
    const answers = await Promise.all(
      [foreign[member], newId(prefix)].map(async (other) =>
        perform(operation, withId(operation.path, id), {
          token: await credentialFor(operation),
          body: { ...body(operation, [member]), [member]: other },
        }),
      ),
    );
    for (const { status, text } of answers) expect([400, 401, 404, 422], text).toContain(status);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });
});

const filters = named.flatMap(([name, operation]) =>
  operation.parameters
    .filter((parameter) => parameter.in === 'query' && isIdMember(parameter.name))
    .map((parameter) => [name, parameter.name, operation.path] as const),
);

describe.each(filters)("%s by another organization's %s", (_name, filter, path) => {
  test('finds nothing, and its own by its own', async () => {
    const items = async (id: unknown): Promise<readonly unknown[]> =>
      (await send(toolgate.url, 'GET', `${path}?${filter}=${String(id)}`, { token: ours.token })).body[
        'items'
      ] as readonly unknown[];
    expect(foreign[filter], `say in the table of values what ${filter} is`).toBeDefined();
    expect(await items(foreign[filter])).toEqual([]);
    await expect.poll(async () => (await items(values[filter])).length, { timeout: 10_000 }).toBeGreaterThan(0);
  });
});

const segments = (path: string): readonly string[] => path.split('/');
const matches = (template: string, path: string): boolean =>
  segments(template).length === segments(path).length &&
  segments(template).every((part, index) => part.startsWith('{') || part === segments(path)[index]);

describe.each([...new Set(operations.map(({ path }) => path))])('%s', (path) => {
  const taken = new Set(operations.filter((operation) => matches(operation.path, path)).map(({ method }) => method));
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].filter((method) => !taken.has(method)))(
    'knows no %s',
    async (method) => {
      const { status } = await send(toolgate.url, method, hasId(path) ? withId(path, nobodys(path)) : path, {
        token: ours.token,
        ...(method === 'GET' ? {} : { body: '{}' }),
      });
      expect([404, 405]).toContain(status);
    },
  );
});
