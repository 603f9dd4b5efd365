import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tx } from '../../../src/platform/postgres/database.js';
import { request, signUp, type Tenant } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { startUpstream } from '../../support/upstream.js';
import { earlierCode, shownCode } from '../../support/authenticator.js';
import { DOCUMENT, hasId, makeFor, PASSWORD, withId } from './objects.js';
import { bodyOf, oneOf, operationsOf, type OpenApi, type Operation, type Values } from './openapi.js';
import { send, type Answer, type Json } from './problem.js';

const toolgate = await startTestToolgate();
const upstream = await startUpstream({ json: true });
afterAll(async () => {
  await toolgate.close();
  await upstream.close();
});

const document = (await request(`${toolgate.url}/openapi.json`, 'GET')).body as unknown as OpenApi;

/** Operations that may write and change nothing of the control plane. */
const CHANGE_NOTHING: readonly string[] = [
  'POST /v1/servers/{id}/policies/recommended',
  'POST /v1/policies/validate',
  'POST /v1/policies/test',
  'POST /v1/policies/{id}/decide',
  'POST /v1/policies/{id}/simulate',
];
/** What a person changes about themselves, whatever their role: it ends with their session alone. */
const PERSONAL: readonly string[] = [
  'POST /v1/logout',
  'DELETE /v1/sessions/{id}',
  'POST /v1/me/organizations',
  'POST /v1/me/password',
  'POST /v1/me/totp',
  'POST /v1/me/totp/confirm',
  'POST /v1/me/totp/disable',
];
/** An export is on record before it begins. */
const CHANGE_ALTHOUGH_READ: readonly string[] = ['GET /v1/audit/export', 'GET /v1/audit/bundle'];

const guarded = operationsOf(document).filter(({ allowed }) => !allowed.includes('anyone'));
const changes = guarded.filter(
  ({ name, method }) =>
    (method !== 'GET' && ![...CHANGE_NOTHING, ...PERSONAL].includes(name)) || CHANGE_ALTHOUGH_READ.includes(name),
);
const rest = guarded.filter(({ name }) => CHANGE_NOTHING.includes(name));

/** What a role of an organization signs in with: a person's session and an API key. */
type Holder = Readonly<{ role: string; userId: string; keyId: string; session: string; key: string }>;
type Loss = Readonly<{
  credential: 'session' | 'key';
  take: string;
  giveBack: string;
  of: 'userId' | 'keyId';
  status: number;
}>;

const AN_HOUR_ON = `now() + interval '1 hour'`;
const losses: Readonly<Record<string, Loss>> = {
  'a demotion': {
    credential: 'session',
    of: 'userId',
    status: 403,
    take: `update members set role = 'viewer' where user_id = $1 and $2::text is not null`,
    giveBack: 'update members set role = $2 where user_id = $1',
  },
  'a removal': {
    credential: 'session',
    of: 'userId',
    status: 401,
    take: 'update members set removed = true where user_id = $1 and $2::text is not null',
    giveBack: 'update members set removed = false where user_id = $1 and $2::text is not null',
  },
  'the end of its session': {
    credential: 'session',
    of: 'userId',
    status: 401,
    take: `update sessions set expires_at = clock_timestamp() where user_id = $1 and $2::text is not null`,
    giveBack: `update sessions set expires_at = ${AN_HOUR_ON} where user_id = $1 and $2::text is not null`,
  },
  'the expiry of its API key': {
    credential: 'key',
    of: 'keyId',
    status: 401,
    take: `update api_keys set expires_at = clock_timestamp() where id = $1 and $2::text is not null`,
    giveBack: `update api_keys set expires_at = ${AN_HOUR_ON} where id = $1 and $2::text is not null`,
  },
  'the deletion of its API key': {
    credential: 'key',
    of: 'keyId',
    status: 401,
    take: `update api_keys set id = 'gone ' || id where id = $1 and $2::text is not null`,
    giveBack: `update api_keys set id = $1 where id = 'gone ' || $1 and $2::text is not null`,
  },
};

let tenant: Tenant;
let values: Values;
let holders: Readonly<Record<string, Holder>>;

const holderOf = async (role: string): Promise<Holder> => {
  const person = await tenant.person(role);
  const { email } = (await person.api('GET', '/v1/me')).body['user'] as Json;
  const session = (await request(`${toolgate.url}/v1/login`, 'POST', { email, password: PASSWORD })).body[
    'token'
  ] as string;
  const key = (await tenant.api('POST', '/v1/api-keys', { name: role, role })).body;
  return { role, userId: person.id, session, keyId: key['id'] as string, key: key['secret'] as string };
};

beforeAll(async () => {
  tenant = await signUp(toolgate.url);
  const serverId = await tenant.server(upstream.url);
  const [policyId, identityId] = [await tenant.policy(serverId, DOCUMENT), await tenant.identity('named in bodies')];
  values = {
    serverId,
    policyId,
    identityId,
    transport: { type: 'streamable-http', url: upstream.url },
    auth: { type: 'none' },
    webhookUrl: upstream.url,
  };
  holders = Object.fromEntries(
    await Promise.all(
      ['admin', 'policy_manager', 'approver', 'auditor'].map(async (role) => [role, await holderOf(role)]),
    ),
  );
});

/** The least of the roles that may. */
const leastOf = ({ allowed }: Operation): Holder =>
  holders[allowed.find((role) => role !== 'admin' && role !== 'member') ?? 'admin']!;

const QUERIES: Readonly<Record<string, string>> = { exportEvents: '?format=ndjson', getBundle: '?from=1&to=1' };

const perform = (operation: Operation, path: string, token: string): Promise<Answer> => {
  const headers: Record<string, string> = operation.parameters.some(({ name }) => name === 'If-Match')
    ? { 'if-match': '*' }
    : {};
  const body = bodyOf(
    document,
    operation,
    {
      ...values,
      'testPolicy.document': DOCUMENT,
      'simulatePolicy.from': '2026-01-01T00:00:00Z',
      'updateNotifications.webhook': upstream.url,
      'createLogStream.config': { url: upstream.url },
    },
    oneOf[operation.operationId ?? ''],
  );
  const query = QUERIES[operation.operationId ?? ''] ?? '';
  return send(toolgate.url, operation.method, path + query, {
    token,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
};

/** Somebody waits for a transaction to end. */
const WAITING = 'select 1 from pg_locks where not granted and transactionid::text = $1';
const transactionId = async (tx: Tx): Promise<string> =>
  (await tx.query<{ id: string }>('select pg_current_xact_id()::xid::text as id')).rows[0]!.id;

const lock = async (tx: Tx): Promise<number> => {
  const { rows } = await tx.query<{ position: number }>(
    'select position from event_heads where organization_id = $1 for update',
    [tenant.organizationId],
  );
  return rows[0]!.position;
};

/** Sends a request, lets it wait for its turn, and takes its caller's rights away before the turn comes. */
const overtaken = async (
  send: () => Promise<Answer>,
  take: (tx: Tx) => Promise<unknown>,
): Promise<Readonly<{ answer: Answer; position: number }>> => {
  const begun = await toolgate.db.asWorker(async (tx) => {
    const position = await lock(tx);
    const id = await transactionId(tx);
    let early: Answer | undefined;
    const sent = send().then((answer) => (early = answer));
    await expect
      .poll(async () => early !== undefined || (await toolgate.db.worker.query(WAITING, [id])).rows.length > 0, {
        interval: 5,
      })
      .toBe(true);
    if (early) throw new Error(`it did not wait for its turn: ${early.status} ${early.text}`);
    await take(tx);
    return { sent, position };
  });
  return { answer: await begun.sent, position: begun.position };
};

const positionNow = (): Promise<number> => toolgate.db.asWorker(lock);

describe.each(changes.map((operation) => [operation.name, operation] as const))('%s', (_name, operation) => {
  test("does not outlive its caller's rights", async () => {
    const holder = leastOf(operation);
    const id = hasId(operation.path) ? await makeFor(operation.path, tenant, upstream.url) : '';
    for (const [what, { credential, take, giveBack, of, status }] of Object.entries(losses)) {
      const { answer, position } = await overtaken(
        () => perform(operation, withId(operation.path, id), holder[credential]),
        (tx) => tx.query(take, [holder[of], holder.role]),
      );
      expect([what, answer.status, answer.body['code']]).toEqual([
        what,
        status,
        status === 403 ? 'forbidden' : 'unauthorized',
      ]);
      expect(await positionNow(), `${what} was followed by an event`).toBe(position);
      await toolgate.db.asWorker((tx) => tx.query(giveBack, [holder[of], holder.role]));
    }
  });
});

/** A code that this request takes; of a second factor that is on where it asks for one that is. */
const codeFor = async (path: string, token: string): Promise<string> => {
  if (!path.startsWith('/v1/me/totp/')) return '';
  const post = async (what: string, body: Json): Promise<Json> =>
    (await send(toolgate.url, 'POST', what, { token, body: JSON.stringify(body) })).body;
  const { secret } = await post('/v1/me/totp', { current: PASSWORD });
  if (path.endsWith('/disable')) await post('/v1/me/totp/confirm', { code: await earlierCode(secret) });
  return shownCode(secret);
};

test.each(
  guarded.filter(({ name }) => PERSONAL.includes(name)).map((operation) => [operation.name, operation] as const),
)('%s does not outlive the session that it is sent with', async (_name, operation) => {
  const holder = await holderOf('viewer');
  const { items } = (await send(toolgate.url, 'GET', '/v1/sessions', { token: holder.session })).body;
  const other = (items as readonly Json[]).find(({ current }) => current === false)?.['id'] as string;
  const body = bodyOf(document, operation, {
    current: PASSWORD,
    code: await codeFor(operation.path, holder.session),
    'changePassword.password': 'x'.repeat(9),
  });
  const { sent } = await toolgate.db.asWorker(async (tx) => {
    await tx.query('update sessions set expires_at = clock_timestamp() where user_id = $1', [holder.userId]);
    const id = await transactionId(tx);
    const waiting = send(toolgate.url, operation.method, withId(operation.path, other), {
      token: holder.session,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await expect
      .poll(async () => (await toolgate.db.worker.query(WAITING, [id])).rows.length, { interval: 5 })
      .toBeGreaterThan(0);
    return { sent: waiting };
  });
  expect([(await sent).status, (await sent).body['code']]).toEqual([401, 'unauthorized']);
});

describe.each(rest.map((operation) => [operation.name, operation] as const))('%s', (_name, operation) => {
  test('waits for no change and is followed by no event', async () => {
    const id = hasId(operation.path) ? await makeFor(operation.path, tenant, upstream.url) : '';
    const { session } = await holderOf('policy_manager');
    const position = await toolgate.db.asWorker(async (tx) => {
      const at = await lock(tx);
      expect((await perform(operation, withId(operation.path, id), session)).status).toBeLessThan(300);
      return at;
    });
    expect(await positionNow()).toBe(position);
  });
});

describe('a policy manager who was an admin when the request arrived', () => {
  test('changes no label, expiry or switch of a grant, and goes on changing its policy', async () => {
    const { session, userId } = holders['admin']!;
    const { id } = await tenant.grant({ serverId: values['serverId'] as string });
    const patch = (body: Json) => (): Promise<Answer> =>
      send(toolgate.url, 'PATCH', `/v1/grants/${id}`, { token: session, body: JSON.stringify(body) });
    const demote = (tx: Tx) => tx.query(`update members set role = 'policy_manager' where user_id = $1`, [userId]);
    const statuses: number[] = [];
    for (const body of [{ label: 'x' }, { disabled: true }, { expiresAt: null }, { policyId: values['policyId'] }]) {
      statuses.push((await overtaken(patch(body), demote)).answer.status);
      await toolgate.db.asWorker((tx) => tx.query(`update members set role = 'admin' where user_id = $1`, [userId]));
    }
    expect(statuses).toEqual([403, 403, 403, 200]);
  });
});

describe('an answer that is kept for repeats', () => {
  test('is not given to a caller who may not make the request any more', async () => {
    const { session, userId } = holders['admin']!;
    const issue = () =>
      send(toolgate.url, 'POST', '/v1/api-keys', {
        token: session,
        headers: { 'idempotency-key': 'kept' },
        body: JSON.stringify({ name: 'kept', role: 'viewer' }),
      });
    const { secret } = (await issue()).body;
    expect(secret).toMatch(/^tg_key_/);
    expect((await issue()).body['secret']).toBe(secret);
    const { answer } = await overtaken(issue, (tx) =>
      tx.query(`update members set role = 'viewer' where user_id = $1`, [userId]),
    );
    expect([answer.status, answer.text.includes(String(secret))]).toEqual([403, false]);
    await toolgate.db.asWorker((tx) => tx.query(`update members set role = 'admin' where user_id = $1`, [userId]));
  });
});

describe('the database', () => {
  test('takes no write in a transaction that nobody gave the authority for', async () => {
    const write = toolgate.db.inOrganization(tenant.organizationId, (tx) =>
      tx.query('delete from api_keys where organization_id = $1', [tenant.organizationId]),
    );
    await expect(write).rejects.toThrow('cannot execute DELETE in a read-only transaction');
  });

  test('is written for one organization by the event store and by the gateway alone', () => {
    const src = join(import.meta.dirname, '../../../src');
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const writers = files.filter((name) => /\.changeInOrganization\(/.test(readFileSync(join(src, name), 'utf8')));
    expect(writers.toSorted()).toEqual([
      'control-plane/approvals/approval-requests.ts',
      'data-plane/sessions/channel-session-store.ts',
      'record/event-store/event-store.ts',
    ]);
  });
});
