import { describe, expect } from 'vitest';
import { RECORDED_CLIENTS } from '../../cases/oauth-clients.js';
import { OauthClient } from '../../support/oauth-client.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, request, textOf } from '../../support/tenant.js';
import { probe, signInWorld, type SignInWorld } from './oauth-support.js';

const { test, toolgate, tenant } = tenantTest();
let world: SignInWorld;

test.beforeAll(async () => {
  world = await signInWorld(toolgate.url, tenant);
});
test.afterAll(async () => {
  await world.upstream.close();
});

const metadata = (path: string) => request(`${toolgate.url}/.well-known/${path}`, 'GET');

describe('a client that knows only the URL of a server', () => {
  test('finds the authorization server, signs in and calls a tool under the default policy', async () => {
    const { mcpUrl, admin } = world;
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

  test.for(RECORDED_CLIENTS)('signs in as $client sends it, and renews its tokens', async (recorded) => {
    const { mcpUrl, admin } = world;
    const client = await OauthClient.register(toolgate.url, recorded.registration, recorded.redirectUri);
    const more = { resource: `${mcpUrl}${recorded.slash ?? ''}`, ...recorded.authorization };
    const tokens = await client.tokens(mcpUrl, admin, undefined, more);
    expect(await probe(mcpUrl, tokens.access)).not.toBe(401);
    const renewed = await client.refresh(tokens.refresh);
    expect(renewed).toMatchObject({ status: 200, body: { refresh_token: expect.any(String) } });
    expect(await probe(mcpUrl, String(renewed.body['access_token']))).not.toBe(401);
  });
});

describe('the metadata', () => {
  test('of the authorization server is one document at each place where clients look', async () => {
    const paths = ['oauth-authorization-server', 'openid-configuration'];
    for (const path of paths.flatMap((one) => [one, `${one}/mcp/${world.serverId}`]))
      expect((await metadata(path)).body, path).toMatchObject({
        issuer: toolgate.url,
        authorization_endpoint: `${toolgate.url}/oauth/authorize`,
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
        client_id_metadata_document_supported: true,
        authorization_response_iss_parameter_supported: true,
      });
  });

  test('of a resource is there by the path of its server alone, and only where clients can sign in', async () => {
    const tokenOnly = await tenant.server(world.upstream.url);
    for (const path of ['', `/mcp/${tokenOnly}`, '/mcp/srv_01h2xcejqtf2nbrexx3vqjhp41'])
      expect((await metadata(`oauth-protected-resource${path}`)).status, path).toBe(404);
    const challenged = await request(`${toolgate.url}/mcp/${tokenOnly}`, 'POST', {});
    expect(challenged.headers.get('www-authenticate')).toBe('Bearer realm="toolgate"');
  });

  test('of keys holds public parts alone', async () => {
    const { keys } = (await request(`${toolgate.url}/oauth/jwks`, 'GET')).body as { keys: object[] };
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) });
    expect(keys[0]).not.toHaveProperty('d');
  });
});

describe('a sign-in', () => {
  test('is a grant with the name of the client, and ends with it within a second', async () => {
    const { mcpUrl, admin, policyId, serverId } = world;
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

  test('has the policy of the newest active grant of the identity that the member chose', async () => {
    const { mcpUrl, admin, serverId } = world;
    const [reader, none] = [await tenant.identity('reader'), await tenant.identity('without a grant')];
    const readOnly = await tenant.policy(serverId, { version: '1', default: 'deny', tools: { list_issues: {} } });
    await tenant.grant({ serverId, policyId: readOnly, identityId: reader });
    const client = await OauthClient.register(toolgate.url, { client_name: 'Chooser' });
    await client.tokens(mcpUrl, admin, 'reader');
    await client.tokens(mcpUrl, admin, 'without');
    const { items } = (await tenant.api('GET', '/v1/grants?q=Chooser')).body as { items: object[] };
    expect(items).toEqual([
      expect.objectContaining({ identityId: reader, policyId: readOnly }),
      expect.objectContaining({ identityId: none, policyId: world.policyId }),
    ]);
  });

  test('to a server without a default policy is refused every call', async () => {
    const serverId = await tenant.server(world.upstream.url, { clientAuth: 'oauth' });
    const mcpUrl = `${toolgate.url}/mcp/${serverId}`;
    const client = await OauthClient.register(toolgate.url);
    const { access } = await client.tokens(mcpUrl, world.admin);
    const session = await connect({ mcpUrl, token: access });
    const refused = await session.callTool({ name: 'list_issues', arguments: {} });
    expect(decisionOf(refused)).toMatchObject({ code: 'no_policy' });
    await session.close();
  });
});
