import { describe, expect } from 'vitest';
import { OauthClient, type Person } from '../../support/oauth-client.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, request, textOf } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let policyId: string;
let mcpUrl: string;
let admin: Person;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('list_issues'), aTool('delete_group')] });
  serverId = await tenant.server(upstream.url, { clientAuth: 'both' });
  mcpUrl = `${toolgate.url}/mcp/${serverId}`;
  policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  await tenant.api('PATCH', `/v1/servers/${serverId}`, { defaultPolicyId: policyId });
  const me = await tenant.api('GET', '/v1/me');
  admin = { email: (me.body['user'] as { email: string }).email, password: 'correct horse battery' };
});
test.afterAll(async () => {
  await upstream.close();
});

describe('a client that knows only the URL of a server', () => {
  test('finds the authorization server, signs in and calls a tool under the default policy', async () => {
    const challenged = await request(mcpUrl, 'POST', {});
    const challenge = challenged.headers.get('www-authenticate') ?? '';
    const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
    expect(challenge).toContain('scope="mcp"');
    const resource = await request(metadataUrl, 'GET');
    expect(resource.body).toMatchObject({ resource: mcpUrl, authorization_servers: [toolgate.url] });
    const client = await OauthClient.register(toolgate.url);
    const tokens = await client.tokens(mcpUrl, admin);
    expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'mcp' });
    const session = await connect({ mcpUrl, token: tokens.access });
    expect(textOf(await session.callTool({ name: 'list_issues', arguments: {} }))).toContain('list_issues');
    await session.close();
  });

  test('shows as a grant with the name of the client, and ends with it within a second', async () => {
    const client = await OauthClient.register(toolgate.url, { client_name: 'Editor' });
    const { access, refresh } = await client.tokens(mcpUrl, admin);
    const { body } = await tenant.api('GET', '/v1/grants?q=Editor');
    const [grant] = body['items'] as readonly { id: string }[];
    expect(grant).toMatchObject({ via: 'oauth', clientName: 'Editor', policyId, serverId, status: 'active' });
    const session = await connect({ mcpUrl, token: access });
    await tenant.api('POST', `/v1/grants/${grant?.id}/revoke`);
    await expect(session.callTool({ name: 'list_issues', arguments: {} })).rejects.toThrow(/revoked/);
    expect((await client.refresh(refresh)).body).toMatchObject({ error: 'invalid_grant' });
  });
});
