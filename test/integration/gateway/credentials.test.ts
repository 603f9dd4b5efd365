import { describe, expect } from 'vitest';
import { newToken } from '../../../src/platform/crypto/tokens.js';
import { tenantTest } from '../../support/product-test.js';
import { signUp, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let policyId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('list')] });
  serverId = await tenant.server(upstream.url);
  policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
});
test.afterAll(async () => {
  await upstream.close();
});

const granted = (more: Readonly<{ expiresAt?: string }> = {}): Promise<Grant> =>
  tenant.grant({ serverId, policyId, ...more });

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'agent', version: '1' } },
});

const initialize = async (mcpUrl: string, authorization?: string) => {
  const response = await fetch(mcpUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: INITIALIZE,
  });
  const text = await response.text();
  return { status: response.status, text, challenge: response.headers.get('www-authenticate') };
};

/** How a token is refused, as one word of the sentence that its client shows. */
const refusalOf = async (token: string, mcpUrl = `${toolgate.url}/mcp/${serverId}`): Promise<string | undefined> => {
  const { status, text, challenge } = await initialize(mcpUrl, `Bearer ${token}`);
  expect(status).toBe(401);
  const sentence = /^Bearer realm="toolgate", error="invalid_token", error_description="([^"\\]+)"$/.exec(
    challenge ?? '',
  )?.[1];
  expect(JSON.parse(text)).toMatchObject({ error: { message: sentence } });
  return /unknown|revoked|expired|rotated|API key/.exec(sentence ?? '')?.[0];
};

describe('a token that is not good', () => {
  test('A request without a token gets a challenge without an error', async () => {
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer', (await granted()).token])
      expect(await initialize(`${toolgate.url}/mcp/${serverId}`, authorization)).toMatchObject({
        status: 401,
        challenge: 'Bearer realm="toolgate"',
      });
  });

  test('The holder of a token that was revoked, rotated or has expired reads so', async () => {
    const revoked = await granted();
    await tenant.api('POST', `/v1/grants/${revoked.id}/revoke`);
    expect(await refusalOf(revoked.token)).toBe('revoked');

    const rotated = await granted();
    await tenant.api('POST', `/v1/grants/${rotated.id}/rotate`);
    expect(await refusalOf(rotated.token)).toBe('rotated');
    await tenant.api('POST', `/v1/grants/${rotated.id}/revoke`);
    expect(await refusalOf(rotated.token)).toBe('revoked');

    const expiring = await granted({ expiresAt: new Date(Date.now() + 1500).toISOString() });
    await expect.poll(async () => (await initialize(expiring.mcpUrl, `Bearer ${expiring.token}`)).status).toBe(401);
    expect(await refusalOf(expiring.token)).toBe('expired');
  });

  test('A grant of an identity or a server that was deleted is revoked', async () => {
    const grant = await granted();
    await tenant.api('DELETE', `/v1/identities/${grant.identityId}`);
    expect(await refusalOf(grant.token)).toBe('revoked');
  });

  test('Whoever does not hold the secret learns nothing about the grant', async () => {
    const revoked = await granted();
    await tenant.api('POST', `/v1/grants/${revoked.id}/revoke`);
    expect(await refusalOf(newToken('grant', revoked.id))).toBe('unknown');
    expect(await refusalOf(newToken('grant', (await granted()).id))).toBe('unknown');
    expect(await refusalOf('no-token-of-ours')).toBe('unknown');
    expect(await refusalOf((await granted()).token.slice(0, -1))).toBe('unknown');
  });

  test('An API key is refused with a sentence of its own', async () => {
    const key = await tenant.api('POST', '/v1/api-keys', { name: 'key', role: 'admin' });
    expect(await refusalOf(String(key.body['secret']))).toBe('API key');
  });

  test('Only the newest ten ended tokens of a grant are kept, each in its own organization', async () => {
    const grant = await granted();
    for (let turn = 0; turn < 11; turn += 1)
      expect((await tenant.api('POST', `/v1/grants/${grant.id}/rotate`)).status).toBe(200);
    expect(await refusalOf(grant.token)).toBe('unknown');
    const other = await signUp(toolgate.url);
    const count = (organizationId: string): Promise<number> =>
      toolgate.db.inOrganization(organizationId, async (tx) => {
        const { rows } = await tx.query('select 1 from ended_grant_tokens where grant_id = $1', [grant.id]);
        return rows.length;
      });
    expect([await count(tenant.organizationId), await count(other.organizationId)]).toEqual([10, 0]);
  });
});

describe('a good token', () => {
  test('passes after any number of spaces and in any case of the scheme', async () => {
    const { mcpUrl, token } = await granted();
    for (const authorization of [`Bearer  ${token}`, `bearer ${token}`, `BEARER     ${token}`])
      expect((await initialize(mcpUrl, authorization)).status).toBe(200);
  });

  test('passes at the URL of its server with and without a slash and a query', async () => {
    const { mcpUrl, token } = await granted();
    for (const tail of ['', '/', '?a=1', '/?a=1'])
      expect((await initialize(mcpUrl + tail, `Bearer ${token}`)).status).toBe(200);
  });

  test.for(['/mcp', '/sse', '/sse/', '/mcp?a=1'])(
    'reads which URL to use where %s stands behind that of its server',
    async (tail) => {
      const { mcpUrl, token } = await granted();
      const { status, text } = await initialize(mcpUrl + tail, `Bearer ${token}`);
      expect(status).toBe(404);
      expect(text).toContain(`use ${mcpUrl}, which speaks Streamable HTTP`);
    },
  );

  test('is forbidden at the URL of another server', async () => {
    const { mcpUrl, token } = await granted();
    for (const tail of ['x', '/x', '/mcpx', '/../x'])
      expect((await initialize(mcpUrl + tail, `Bearer ${token}`)).status).not.toBe(200);
    expect((await initialize(`${mcpUrl}/other`, `Bearer ${token}`)).status).toBe(403);
  });
});
