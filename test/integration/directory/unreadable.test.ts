import { afterEach, expect, test, vi } from 'vitest';
import { connect, decisionOf, signUp, textOf, type Grant, type Tenant } from '../../support/tenant.js';
import { startBeside, startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { startUpstream, type Upstream } from '../../support/upstream.js';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of open.splice(0).toReversed()) await close();
});

const KEY = Buffer.alloc(32, 7).toString('base64');
const gateway = (here: TestToolgate, masterKey = KEY) => startBeside(here, { MASTER_KEY: masterKey });

const build = async (): Promise<
  Readonly<{
    here: TestToolgate;
    tenant: Tenant;
    upstream: Upstream;
    server: () => Promise<Readonly<{ serverId: string; grant: Grant }>>;
  }>
> => {
  const here = await startTestToolgate();
  const upstream = await startUpstream({ json: true });
  open.push(here.close, upstream.close);
  const tenant = await signUp(here.url);
  const server = async () => {
    const serverId = await tenant.server(`${upstream.url}?key=k`, {
      auth: { type: 'headers', headers: { 'X-Key': 'k' } },
    });
    return {
      serverId,
      grant: await tenant.grant({
        serverId,
        policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
      }),
    };
  };
  return { here, tenant, upstream, server };
};

test(
  'a server whose URL or whose secrets cannot be read is not served, and says so in the log; the ' + 'others are',
  async () => {
    const { here, server } = await build();
    const [good, badUrl, badSecrets] = [await server(), await server(), await server()];
    await here.db.worker.query(
      `update servers set transport = '{"type":"streamable-http","url":"no url"}' where id = $1`,
      [badUrl.serverId],
    );
    await here.db.worker.query(
      `update server_secrets set sealed_headers = decode('00112233', 'hex') where server_id = $1`,
      [badSecrets.serverId],
    );
    const written: string[] = [];
    const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
    const there = await gateway(here);
    open.push(there.close);
    stderr.mockRestore();
    const lines = written.filter((line) => line.includes('can not be read'));
    expect([badUrl, badSecrets].map(({ serverId }) => lines.filter((line) => line.includes(serverId)).length)).toEqual([
      1, 1,
    ]);
    const onThere = (grant: Grant): Grant => ({ ...grant, mcpUrl: grant.mcpUrl.replace(here.url, there.url) });
    const client = await connect(onThere(good.grant));
    expect(textOf(await client.callTool({ name: 'echo', arguments: {} }))).toContain('echo');
    await client.close();
    for (const { grant } of [badUrl, badSecrets]) await expect(connect(onThere(grant))).rejects.toThrow(/disabled/);
  },
);

test(
  'one that becomes so while a gateway runs keeps no change of the others from it, and is served ' +
    'again once its credentials were given again',
  async () => {
    const { here, tenant, server } = await build();
    const [good, bad] = [await server(), await server()];
    await here.db.worker.query(
      `update server_secrets set sealed_headers = decode('00112233', 'hex') where server_id = $1`,
      [bad.serverId],
    );
    expect((await tenant.api('PATCH', `/v1/servers/${bad.serverId}`, { name: 'renamed' })).status).toBe(200);
    await expect(connect(bad.grant)).rejects.toThrow(/disabled/);
    const policyId = await tenant.policy(good.serverId, {
      version: '1',
      default: 'allow',
      tools: { echo: { action: 'deny' } },
    });
    await tenant.api('PATCH', `/v1/grants/${good.grant.id}`, { policyId });
    const client = await connect(good.grant);
    expect(decisionOf(await client.callTool({ name: 'echo', arguments: {} }))['code']).toBe('denied_by_rule');
    await client.close();
    expect(
      (
        await tenant.api('PATCH', `/v1/servers/${bad.serverId}`, {
          auth: { type: 'headers', headers: { 'X-Key': 'again' } },
        })
      ).status,
    ).toBe(200);
    const again = await connect(bad.grant);
    expect(textOf(await again.callTool({ name: 'echo', arguments: {} }))).toContain('echo');
    await again.close();
  },
);

test('an installation started with another MASTER_KEY says what is wrong and does not serve', async () => {
  const { here } = await build();
  await expect(gateway(here, Buffer.alloc(32, 8).toString('base64'))).rejects.toThrow(/MASTER_KEY is not the one/);
});
