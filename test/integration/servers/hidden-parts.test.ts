import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { MEMBER_ROLES } from '../../../src/platform/rest/allowed.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, request, type Answer } from '../../support/tenant.js';
import { startUpstream, type Upstream } from '../../support/upstream.js';
import { append } from '../audit/audit-support.js';

const SCRIPT = fileURLToPath(new URL('../../support/stdio-server.mjs', import.meta.url));
const PATH_SECRET = 'Xk29fLq7Tz81Vb40Nm63';
const ARGUMENT_SECRET = 'hunter2-argument';
const QUERY_SECRET = 'hunter2-query';

const { test, toolgate, tenant } = tenantTest({ ALLOW_STDIO: process.execPath, STDIO_ENV: 'MODE' });
let upstream: Upstream;
let keys: Readonly<Record<string, string>>;

test.beforeAll(async () => {
  upstream = await startUpstream({ json: true });
  const secretOf = async (role: string): Promise<string> =>
    (await tenant.api('POST', '/v1/api-keys', { name: role, role })).body['secret'] as string;
  keys = Object.fromEntries(await Promise.all(MEMBER_ROLES.map(async (role) => [role, await secretOf(role)])));
});
test.afterAll(async () => {
  await upstream.close();
});

type Json = Record<string, unknown>;
const as = (role: string, path: string): Promise<Answer> =>
  request(`${toolgate.url}${path}`, 'GET', undefined, { authorization: `Bearer ${keys[role]}` });
const register = async (transport: Json): Promise<Json> => {
  const { status, body } = await tenant.api('POST', '/v1/servers', { name: 'A server', transport });
  expect(status).toBe(201);
  return body;
};
const change = (id: unknown, transport: Json): Promise<Answer> =>
  tenant.api('PATCH', `/v1/servers/${String(id)}`, { transport });
const urlOf = (path: string): string => `http://127.0.0.1:${upstream.port}${path}`;
const http = (path: string): Json => ({ type: 'streamable-http', url: urlOf(path) });
const stdio = (...args: readonly string[]): Json => ({
  type: 'stdio',
  command: process.execPath,
  args: [SCRIPT, ...args],
  env: { MODE: 'answer' },
});

/** Every text of the database, but the sealed ones, and of the log. */
const recorded = async (): Promise<string> => {
  const tables = ['events', 'servers', 'audit_records'];
  const rows = await Promise.all(
    tables.map((table) => toolgate.db.worker.query<{ text: string }>(`select t::text as text from ${table} t`)),
  );
  return (
    rows.flatMap(({ rows: found }) => found.map(({ text }) => text)).join('\n') +
    JSON.stringify(await toolgate.log.events())
  );
};

describe('a segment of a URL that looks like a secret', () => {
  test('is shown to an admin alone, in every answer that tells of the server', async () => {
    const created = await register(http(`/s/${PATH_SECRET}/mcp?key=${QUERY_SECRET}`));
    const [open, shown] = [urlOf(`/s/${PATH_SECRET}/mcp?key=***`), urlOf('/s/***/mcp?key=***')];
    expect((created['transport'] as Json)['url']).toBe(open);
    for (const role of MEMBER_ROLES) {
      const one = await as(role, `/v1/servers/${String(created['id'])}`);
      const all = (await as(role, '/v1/servers?limit=1000')).body['items'] as readonly Json[];
      const urls = [one.body, ...all.filter(({ id }) => id === created['id'])].map(
        (server) => (server['transport'] as Json)['url'],
      );
      expect(urls, role).toEqual(role === 'admin' ? [open, open] : [shown, shown]);
    }
  });

  test('reaches the server, by discovery and by a call, and stands in no event, row or export', async () => {
    const { id, status } = await register(http(`/s/${PATH_SECRET}/mcp?key=${QUERY_SECRET}`));
    expect(status).toBe('ready');
    const serverId = String(id);
    const grant = await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
    });
    const client = await connect(grant);
    await client.callTool({ name: 'echo', arguments: { text: 'hi' } });
    await client.close();
    expect(upstream.seen.at(-1)?.path).toBe(`/s/${PATH_SECRET}/mcp?key=${QUERY_SECRET}`);
    await expect
      .poll(
        async () =>
          (await tenant.events()).filter((event) => event['serverId'] === id && event['type'] === 'server.registered')
            .length,
      )
      .toBe(1);
    const exported = (await tenant.api('GET', '/v1/audit/export?format=csv')).body['text'];
    const everywhere = `${await recorded()}${JSON.stringify(await tenant.events())}${String(exported)}`;
    expect(everywhere).toContain('/s/***/mcp');
    expect([PATH_SECRET, QUERY_SECRET].filter((secret) => everywhere.includes(secret))).toEqual([]);
  });

  test('stays when the URL is sent back as anybody sees it, and is wanted again with another path', async () => {
    const { id } = await register(http(`/s/${PATH_SECRET}/mcp?key=${QUERY_SECRET}`));
    const last = async (): Promise<string | undefined> => (
      await tenant.api('POST', `/v1/servers/${String(id)}/discover`),
      upstream.seen.at(-1)?.path
    );
    for (const path of ['/s/***/mcp?key=***', `/s/${PATH_SECRET}/mcp?key=***`]) {
      expect([(await change(id, http(path))).status, await last()]).toEqual([
        200,
        `/s/${PATH_SECRET}/mcp?key=${QUERY_SECRET}`,
      ]);
    }
    const refused = await change(id, http('/t/***/mcp'));
    expect([refused.status, (refused.body['errors'] as readonly Json[])[0]?.['pointer']]).toEqual([
      400,
      '/transport/url',
    ]);
    expect([(await change(id, http('/mcp'))).status, await last()]).toEqual([200, '/mcp']);
    expect((await toolgate.db.worker.query('select 1 from server_secrets where server_id = $1', [id])).rows).toEqual(
      [],
    );
  });
});

describe('an argument that is a secret', () => {
  const ARGS = ['--token', ARGUMENT_SECRET, `--id=${PATH_SECRET}`, '--name=agent'];
  const SHOWN = ['--token', '***', '--id=***', '--name=agent'];

  test('is shown to an admin alone, and stands in no event, row or export', async () => {
    const { id, transport } = await register(stdio(...ARGS));
    expect((transport as Json)['args']).toEqual([SCRIPT, ...ARGS]);
    for (const role of MEMBER_ROLES) {
      const shown = ((await as(role, `/v1/servers/${String(id)}`)).body['transport'] as Json)['args'];
      expect(shown, role).toEqual([SCRIPT, ...(role === 'admin' ? ARGS : SHOWN)]);
    }
    await expect
      .poll(
        async () =>
          (await tenant.events()).filter((event) => event['serverId'] === id && event['type'] === 'server.registered')
            .length,
      )
      .toBe(1);
    const everywhere = `${await recorded()}${JSON.stringify(await tenant.events())}`;
    expect([ARGUMENT_SECRET, PATH_SECRET].filter((secret) => everywhere.includes(secret))).toEqual([]);
  });

  test('reaches the command, stays when it is sent back hidden, and goes to no other command', async () => {
    const { id } = await register(stdio(...ARGS));
    const kept = async (): Promise<unknown> =>
      ((await as('admin', `/v1/servers/${String(id)}`)).body['transport'] as Json)['args'];
    expect([(await change(id, stdio(...SHOWN.slice(0, 3), '--name=other'))).status, await kept()]).toEqual([
      200,
      [SCRIPT, ...ARGS.slice(0, 3), '--name=other'],
    ]);
    expect((await change(id, stdio('--id=***'))).status).toBe(400);
    expect((await change(id, { ...stdio(...SHOWN), command: '/bin/sh' })).status).toBe(422);
    const facts = toolgate.toolgate.database.worker.query<{ sealed: boolean }>(
      'select sealed_headers is not null as sealed from server_secrets where server_id = $1',
      [id],
    );
    expect((await facts).rows).toEqual([{ sealed: true }]);
  });
});

describe('what an earlier release recorded', () => {
  test('is shown without its secrets, though they stand in its rows and events', async () => {
    const { id } = await register(http('/mcp'));
    const transport = { type: 'streamable-http', url: urlOf(`/s/${PATH_SECRET}/mcp`) } as const;
    await toolgate.db.worker.query('update servers set transport = $2 where id = $1', [id, JSON.stringify(transport)]);
    const actor = { type: 'system', id: 'an earlier release' } as const;
    const event = {
      id: newId('evt'),
      version: 1,
      time: new Date().toISOString(),
      organizationId: tenant.organizationId,
      actor,
      type: 'server.changed',
      serverId: String(id),
      transport,
    } as const;
    await append(toolgate.toolgate.eventLog, [event]);
    const shown = async (): Promise<unknown> =>
      ((await tenant.events()).find((one) => one['id'] === event.id)?.['transport'] as Json | undefined)?.['url'];
    await expect.poll(shown).toBe(urlOf('/s/***/mcp'));
    expect(((await as('viewer', `/v1/servers/${String(id)}`)).body['transport'] as Json)['url']).toBe(
      urlOf('/s/***/mcp'),
    );
    expect(((await as('admin', `/v1/servers/${String(id)}`)).body['transport'] as Json)['url']).toBe(transport.url);
    expect(String((await tenant.api('GET', '/v1/audit/export?format=ndjson')).body['text'])).not.toContain(PATH_SECRET);
  });
});
