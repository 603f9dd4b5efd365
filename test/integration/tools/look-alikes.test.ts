import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const GOOD = ['cancel_job', 'поиск', 'form'];
const REFUSED = ['cаncel_job', 'cancel\u200b_job', 'ｃancel_job', 'cance1_job', 'forrn'];

const { test, tenant } = tenantTest();
let upstream: Upstream;

test.beforeAll(async () => {
  upstream = await startUpstream({ json: true, tools: [...GOOD, ...REFUSED].map((name) => aTool(name)) });
});
test.afterAll(async () => {
  await upstream.close();
});

test(
  'tools whose names could be mistaken for others are refused at discovery, with the reason, and ' +
    'neither listed nor called under any policy',
  async () => {
    const serverId = await tenant.server(upstream.url);
    const { body } = await tenant.api('GET', `/v1/servers/${serverId}`);
    expect(body).toMatchObject({ status: 'ready', toolCount: GOOD.length });
    expect(body['statusDetail']).toBe(
      'Tools refused because their names could be mistaken: c\\u{430}ncel_job mixes Latin letters with ' +
        'those of another script; cancel\\u{200b}_job holds characters that can not be seen; ' +
        '\\u{ff43}ancel_job is not in the plain form of its characters (Unicode NFKC); cance1_job looks ' +
        'like cancel_job; forrn looks like form.',
    );
    expect(
      ((await tenant.api('GET', `/v1/servers/${serverId}/tools`)).body['items'] as Json[]).map(({ name }) => name),
    ).toEqual([...GOOD].sort());
    for (const document of [
      { version: '1', default: 'allow' },
      { version: '1', default: 'allow', mode: 'monitor' },
      {
        version: '1',
        default: 'allow',
        pin_tools: false,
        tools: Object.fromEntries(REFUSED.map((name) => [name, {}])),
      },
    ]) {
      const policyId = await tenant.policy(serverId, document);
      const client = await connect(await tenant.grant({ serverId, policyId }));
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(GOOD);
      const before = upstream.seenOf('tools/call').length;
      for (const name of REFUSED) {
        expect(decisionOf(await client.callTool({ name, arguments: {} }))).toMatchObject({
          effect: 'deny',
          code: 'malformed',
          rule: null,
        });
        expect((await tenant.api('POST', `/v1/policies/${policyId}/decide`, { tool: name })).body).toMatchObject({
          effect: 'deny',
          code: 'malformed',
          trace: [],
        });
      }
      expect(upstream.seenOf('tools/call')).toHaveLength(before);
      for (const name of GOOD) await client.callTool({ name, arguments: {} });
      expect(upstream.seenOf('tools/call')).toHaveLength(before + GOOD.length);
      await client.close();
    }
  },
);

test('one that turns up later in a list is kept from the client as well', async () => {
  const late = await startUpstream({ json: true, tools: [aTool('cancel_job')] });
  try {
    const serverId = await tenant.server(late.url);
    const client = await connect(
      await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) }),
    );
    late.setTools([aTool('cаncel_job'), aTool('cance1_job'), aTool('modem'), aTool('modern'), aTool('cancel_job')]);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['modem', 'cancel_job']);
    expect(
      ((await tenant.api('GET', `/v1/servers/${serverId}/tools`)).body['items'] as Json[]).map(({ name }) => name),
    ).toEqual(['cancel_job', 'modem']);
    await client.close();
  } finally {
    await late.close();
  }
});
