import { unzip } from '../../support/bundles.js';
import { isKafka } from '../../support/test-log.js';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { isOfTheRecord } from '../../../src/control-plane/accounts/end/end.store.js';
import { endOrganizations } from '../../../src/control-plane/accounts/end/organization-ends.js';
import { forgetEnded } from '../../../src/record/proof/checkpoint-memory.js';
import { rolesOf } from '../../../src/platform/postgres/database-roles.js';
import { ownTables } from '../../../src/platform/postgres/own-tables.js';
import { databaseIn } from '../../support/database.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { productTest } from '../../support/product-test.js';
import { request, signUp } from '../../support/tenant.js';
import { liveThrough, type History } from '../api/history.js';
import { allRecorded, until } from '../audit/audit-support.js';

const LOG_RETENTION_DAYS = 7;
const NOT_EXPORTED = ['audit_records', 'idempotent_answers', 'limit_counters'];

const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-end-'));
const { test, toolgate } = productTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off', DATA_DIR: dataDir });
test.afterAll(() => rm(dataDir, { recursive: true, force: true }));

const query = async <T extends object>(statement: string, values: readonly unknown[] = []): Promise<readonly T[]> =>
  (await toolgate.db.worker.query<T>(statement, [...values])).rows;

/** What the roles do about organizations that end, at once. */
const end = async ({ db, toolgate: { store } } = toolgate, folder = dataDir): Promise<void> => {
  await endOrganizations({ db, store, logRetentionDays: LOG_RETENTION_DAYS });
  await forgetEnded(join(folder, 'checkpoints'), db);
};

/** The files of a folder that have one of the texts in their name or in what they hold. */
const filesWith = async (folder: string, ...texts: readonly string[]): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const content = entry.isFile() ? await readFile(path, 'latin1').catch(() => '') : '';
    if (texts.some((text) => entry.name.includes(text) || content.includes(text))) found.push(relative(folder, path));
  }
  return found;
};

/** As the owner of the database, for what no role of ours may do. */
const asOwner = async <T>(
  work: (client: pg.Client) => Promise<T>,
  connectionString = toolgate.databaseUrl,
): Promise<T> => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/** The tables in whose rows a text is, as PostgreSQL shows them. */
const tablesWith = (texts: readonly string[], url?: string): Promise<readonly string[]> =>
  asOwner(async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select relname as name from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
        and not relispartition order by 1`,
    );
    const found: string[] = [];
    for (const { name } of rows) {
      const { rowCount } = await client.query(
        `select 1 from "${name}" t where exists (select 1 from unnest($1::text[]) c
          where strpos(t::text, c) > 0 or strpos(t::text, encode(convert_to(c, 'utf8'), 'hex')) > 0) limit 1`,
        [texts],
      );
      if (rowCount) found.push(name);
    }
    return found;
  }, url);

const settled = (): Promise<void> =>
  until(async () => {
    const behind = await query(
      `select 1 from event_heads h left join relay_positions r using (organization_id)
        where h.position > coalesce(r.position, 0)`,
    );
    return behind.length === 0 && (await allRecorded({ db: toolgate.db, eventLog: toolgate.toolgate.eventLog }));
  });

const backdate = (column: 'deletes_at' | 'deleted_at', id: string, interval: string): Promise<unknown> =>
  query(`update organizations set ${column} = now() - $2::interval where id = $1`, [id, interval]);

type Live = History & Readonly<{ emails: readonly string[] }>;

/** An organization that did everything, and another session of an admin of it. */
const live = async (name: string): Promise<Live> => {
  const history = await liveThrough(toolgate.url, name);
  const people = await query<{ email: string }>(
    'select u.email from users u join members m on m.user_id = u.id where m.organization_id = $1 order by m.joined_at',
    [history.organizationId],
  );
  const emails = people.map(({ email }) => email);
  return { ...history, emails };
};

const archive = async (path: string, token: string): Promise<Readonly<Record<string, string>>> => {
  const response = await fetch(`${toolgate.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip']);
  const files = unzip(Buffer.from(await response.arrayBuffer()));
  return Object.fromEntries([...files].map(([name, content]) => [name, content.toString()]));
};

const parsed = (text = ''): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Checkpoints are signed every ten seconds, and servers are discovered in turns, whatever else happens. */
const isMadeMeanwhile = (table: string): boolean => table.startsWith('proof_') || table === 'discovery_turns';

test('an export has every row of the organization in every table, no secret and nothing of another', async () => {
  const [ours, theirs] = await Promise.all([live('Exporting Organization'), live('Other Organization')]);
  await settled();
  const files = await archive('/v1/organization/export', ours.token);
  for (const { name } of await toolgate.db.asWorker((tx) => ownTables(tx))) {
    if (NOT_EXPORTED.includes(name) || name === 'users' || isMadeMeanwhile(name)) continue;
    const column = name === 'organizations' ? 'id' : 'organization_id';
    const [{ count } = { count: 0 }] = await query<{ count: number }>(
      `select count(*)::int as count from "${name}" where ${column} = $1`,
      [ours.organizationId],
    );
    const readable = await query<{ may: boolean }>(`select has_table_privilege($1, $2, 'select') as may`, [
      rolesOf(toolgate.databaseUrl).app,
      name,
    ]);
    if (readable[0]?.may && !['events', 'event_heads', 'audit_heads', 'projection_positions'].includes(name))
      expect(parsed(files[`${name}.ndjson`]), name).toHaveLength(count);
  }
  expect(parsed(files['audit-log.ndjson']).map(({ seq }) => seq)).toEqual(
    parsed(files['audit-log.ndjson']).map((_, index) => index + 1),
  );
  const text = Object.values(files).join('');
  expect(ours.secrets.filter((secret) => text.includes(secret))).toEqual([]);
  for (const foreign of [theirs.organizationId, ...theirs.emails]) expect(text).not.toContain(foreign);
  expect(text).toContain(ours.emails[0]);
}, 180_000);

test('a deleted organization leaves no row once the event log has forgotten it, and others stay', async () => {
  const [ours, theirs] = await Promise.all([live('Doomed Organization'), live('Staying Organization')]);
  await settled();
  const canaries = [ours.organizationId, ...ours.words.slice(0, 1), ...ours.emails];
  const ofOthers = async (): Promise<unknown> => {
    const counts: Record<string, unknown> = {};
    for (const { name } of (await toolgate.db.asWorker((tx) => ownTables(tx))).filter(
      (table) => !isMadeMeanwhile(table.name),
    ))
      counts[name] = await query(
        `select count(*)::int as count from "${name}" where ${
          name === 'users'
            ? 'id in (select user_id from members where organization_id = $1)'
            : `${name === 'organizations' ? 'id' : 'organization_id'} = $1`
        }`,
        [theirs.organizationId],
      );
    return counts;
  };
  const api = (method: string, path: string, body?: unknown) =>
    request(`${toolgate.url}${path}`, method, body, { authorization: `Bearer ${ours.token}` });
  const before = await ofOthers();
  const wrong = await api('POST', '/v1/organization/deletion', { organizationName: 'doomed' });
  expect([wrong.status, wrong.body['code']]).toEqual([400, 'invalid_body']);
  const scheduled = await api('POST', '/v1/organization/deletion', { organizationName: 'Doomed Organization' });
  expect([scheduled.status, typeof scheduled.body['deletesAt']]).toEqual([200, 'string']);
  await end();
  expect((await api('GET', '/v1/organization')).body['deletesAt']).toBe(scheduled.body['deletesAt']);
  await archive('/v1/organization/export', ours.token);
  await until(async () => (await filesWith(dataDir, ours.organizationId)).length > 0);
  await backdate('deletes_at', ours.organizationId, '1 second');
  await end();
  expect((await api('GET', '/v1/me')).status).toBe(401);
  await settled();
  const left = await tablesWith(canaries);
  expect(left.filter((name) => !isOfTheRecord(name) && name !== 'log_records')).toEqual([]);
  expect(
    await query(`select 1 from audit_records where organization_id = $1 and type = 'organization.deleted'`, [
      ours.organizationId,
    ]),
  ).toHaveLength(1);
  await end();
  expect(await tablesWith([ours.organizationId])).toContain('organizations');
  // The retention of the event log drops whole days, which is shown elsewhere.
  await asOwner((client) => client.query('delete from log_records where key = $1', [ours.organizationId]));
  await backdate('deleted_at', ours.organizationId, `${LOG_RETENTION_DAYS + 2} days`);
  await end();
  expect(await tablesWith(canaries)).toEqual([]);
  expect(await filesWith(dataDir, ...canaries)).toEqual([]);
  expect(await filesWith(dataDir, theirs.organizationId)).toEqual([join('checkpoints', theirs.organizationId)]);
  expect(await ofOthers()).toEqual(before);
}, 180_000);

test('an organization is deleted wholly where the owner of the database is no superuser', async () => {
  const database = await databaseIn('', 'owner');
  const product = await startTestToolgate({ DATABASE_URL: database.url });
  try {
    const tenant = await signUp(product.url);
    await tenant.grant({ serverId: await tenant.server('http://127.0.0.1:9/mcp') });
    const { name } = (await tenant.api('GET', '/v1/organization')).body;
    await tenant.api('POST', '/v1/organization/deletion', { organizationName: name });
    const age = (column: string, interval: string): Promise<unknown> =>
      product.db.worker.query(`update organizations set ${column} = now() - $1::interval`, [interval]);
    await age('deletes_at', '1 second');
    await end(product);
    expect((await tenant.api('GET', '/v1/me')).status).toBe(401);
    await until(() => allRecorded({ db: product.db, eventLog: product.toolgate.eventLog }));
    await asOwner((client) => client.query('delete from log_records'), database.asSuperuser);
    await age('deleted_at', `${LOG_RETENTION_DAYS + 2} days`);
    await end(product);
    expect(await tablesWith([tenant.organizationId], database.asSuperuser)).toEqual([]);
  } finally {
    await product.close();
    await database.drop();
  }
}, 120_000);

test('a deletion that is cancelled deletes nothing', async () => {
  const tenant = await signUp(toolgate.url);
  const { name } = (await tenant.api('GET', '/v1/organization')).body;
  expect((await tenant.api('DELETE', '/v1/organization/deletion')).status).toBe(404);
  await tenant.api('POST', '/v1/organization/deletion', { organizationName: name });
  expect((await tenant.api('DELETE', '/v1/organization/deletion')).status).toBe(204);
  await end();
  expect((await tenant.api('GET', '/v1/organization')).body).toMatchObject({ name, deletesAt: null });
});

test('a call with a grant of a deleted organization is refused as one with an unknown token', async () => {
  const tenant = await signUp(toolgate.url);
  const serverId = await tenant.server('http://127.0.0.1:9/mcp');
  const grant = await tenant.grant({ serverId });
  const call = (): Promise<Response> =>
    fetch(grant.mcpUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${grant.token}`, accept: 'application/json, text/event-stream' },
      body: '{}',
    });
  expect((await call()).status).not.toBe(401);
  const { name } = (await tenant.api('GET', '/v1/organization')).body;
  await tenant.api('POST', '/v1/organization/deletion', { organizationName: name });
  await backdate('deletes_at', tenant.organizationId, '1 second');
  await end();
  expect((await call()).status).toBe(401);
});

test('a member gets what the organization has about them, and an erased one is named by the logs alone', async () => {
  const admin = await signUp(toolgate.url);
  const me = (await admin.api('GET', '/v1/me')).body['user'] as { id: string };
  const leaver = await admin.person('policy_manager');
  const { id, email } = (await leaver.api('GET', '/v1/me')).body['user'] as { id: string; email: string };
  const serverId = await admin.server('http://127.0.0.1:9/mcp');
  await leaver.api('POST', `/v1/servers/${serverId}/policies`, {
    name: 'theirs',
    document: { version: '1', default: 'deny' },
  });
  const own = await archive('/v1/me/data', leaver.token);
  expect(parsed(own['person.ndjson'])).toMatchObject([{ id, email }]);
  expect(parsed(own['changes.ndjson']).map(({ type }) => type)).toContain('policy.published');
  expect(Object.keys(own)).toEqual(Object.keys(await archive(`/v1/members/${id}/data`, admin.token)));
  for (const emails of [[email], ['somebody@example.com', email]])
    expect((await admin.api('PUT', '/v1/notifications', { emails })).status).toBe(200);
  expect((await admin.api('POST', `/v1/members/${id}/erase`)).status).toBe(204);
  expect((await admin.api('POST', `/v1/members/${id}/erase`)).status).toBe(204);
  expect((await leaver.api('GET', '/v1/me')).status).toBe(401);
  expect((await admin.api('GET', '/v1/notifications')).body['emails']).toEqual(['somebody@example.com']);
  expect(await tablesWith([email])).toEqual(isKafka() ? ['audit_records'] : ['audit_records', 'log_records']);
  expect((await admin.api('POST', `/v1/members/${me.id}/erase`)).status).toBe(409);
}, 180_000);
