import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { importFiles } from '../../../src/control-plane/catalog/import/import-files.js';
import { tenantTest } from '../../support/product-test.js';
import { aTool, startUpstream } from '../../support/upstream.js';
import { send, type Answer, type Json } from '../api/problem.js';

const folder = await mkdtemp(join(tmpdir(), 'toolgate-registration-'));
const npx = join(folder, 'npx');
const stdioServer = fileURLToPath(new URL('../../support/stdio-server.mjs', import.meta.url));
await writeFile(npx, `#!/bin/sh\nexec ${process.execPath} ${stdioServer}\n`);
await chmod(npx, 0o755);

const { test, toolgate, tenant } = tenantTest({ ALLOW_STDIO: npx });
test.afterAll(() => rm(folder, { recursive: true }));

const known = (slug: string): Promise<Answer> => send(toolgate.url, 'GET', `/v1/catalog/servers/${slug}`, {});
const register = (body: unknown): Promise<Answer> =>
  send(toolgate.url, 'POST', '/v1/servers', { token: tenant.token, body: JSON.stringify(body) });

const take = async (entry: object): Promise<void> => {
  const file = join(folder, 'server.json');
  await writeFile(file, JSON.stringify(entry));
  await importFiles({ db: toolgate.db, onProgress: () => undefined, now: new Date() }, file);
};

test('A known server over the web is registered by what the catalog says, and its headers filled in', async () => {
  const upstream = await startUpstream({ tools: [aTool('list_jobs'), aTool('cancel_job')] });
  const headers = [{ name: 'X-Api-Key', isRequired: true, isSecret: true }];
  await take({ name: 'test/web', remotes: [{ type: 'streamable-http', url: upstream.url, headers }] });
  const { body } = await known('test-web');
  expect(body['registration']).toEqual({
    name: 'test/web',
    transport: { type: 'streamable-http', url: upstream.url },
    auth: { type: 'headers', headers: { 'X-Api-Key': '' } },
  });
  const registration = body['registration'] as Json;
  const made = await register({ ...registration, auth: { type: 'headers', headers: { 'X-Api-Key': 'a key' } } });
  expect(made).toMatchObject({ status: 201, body: { name: 'test/web', status: 'ready', toolCount: 2 } });
  expect(upstream.seen.every(({ headers: sent }) => sent['x-api-key'] === 'a key')).toBe(true);
  const { body: tools } = await send(toolgate.url, 'GET', `/v1/servers/${String(made.body['id'])}/tools`, {
    token: tenant.token,
  });
  expect((tools['items'] as readonly Json[]).map(({ category }) => category).toSorted()).toEqual(['Execute', 'Read']);
  await upstream.close();
});

test('A known package is registered by what the catalog says, its command found in ALLOW_STDIO', async () => {
  const packages = [
    {
      registryType: 'npm',
      identifier: 'test-mcp',
      version: '1.0.0',
      environmentVariables: [{ name: 'API_TOKEN', isRequired: true, isSecret: true }],
    },
  ];
  await take({ name: 'test/package', packages });
  const registration = (await known('test-package')).body['registration'] as Readonly<{ transport: Json }>;
  expect(registration).toEqual({
    name: 'test/package',
    transport: { type: 'stdio', command: 'npx', args: ['-y', 'test-mcp@1.0.0'], env: { API_TOKEN: '' } },
    auth: { type: 'none' },
  });
  const transport = { ...registration.transport, env: { API_TOKEN: 'a token' } };
  expect(await register({ ...registration, transport })).toMatchObject({
    status: 201,
    body: { status: 'ready', transport: { command: npx, envNames: ['API_TOKEN'] } },
  });
});

test('A known server that wants OAuth says so, in the API and on its page', async () => {
  expect((await known('mcp-linear-app')).body).toMatchObject({
    preset: { auth: 'oauth' },
    registration: {
      name: 'mcp.linear.app',
      transport: { type: 'streamable-http', url: 'https://mcp.linear.app/mcp' },
      auth: { type: 'oauth' },
    },
  });
  const page = await (await fetch(`${toolgate.url}/catalog/mcp-linear-app.md`)).text();
  expect(page).toContain('It signs in by OAuth');
});
