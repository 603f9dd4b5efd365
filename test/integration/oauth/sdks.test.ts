import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { expect } from 'vitest';
import { TestBrowser } from '../../support/browser.js';
import { tenantTest } from '../../support/product-test.js';
import { textOf } from '../../support/tenant.js';
import { signInWorld, type SignInWorld } from './oauth-support.js';

const { test, toolgate, tenant } = tenantTest();
let world: SignInWorld;

test.beforeAll(async () => {
  world = await signInWorld(toolgate.url, tenant, 'oauth');
});
test.afterAll(async () => {
  await world.upstream.close();
});

const REDIRECT = 'http://localhost:8090/callback';

/** What an SDK asks of its program: to keep what it got, and to open the browser, in which the admin allows. */
const programOf = ({ admin }: SignInWorld) => {
  const kept: Record<string, unknown> = {};
  const keep = (name: string) => (value: unknown) => void (kept[name] = value);
  return {
    kept,
    redirectUrl: REDIRECT,
    clientMetadata: { client_name: 'An SDK', redirect_uris: [REDIRECT] },
    state: () => 'a state',
    clientInformation: () => kept['client'] as never,
    saveClientInformation: keep('client'),
    tokens: () => kept['tokens'] as never,
    saveTokens: keep('tokens'),
    saveCodeVerifier: keep('verifier'),
    codeVerifier: () => String(kept['verifier']),
    redirectToAuthorization: async (url: URL) => {
      const browser = new TestBrowser(toolgate.url);
      const consent = await browser.submit(await browser.open(url.href), admin);
      kept['answer'] = new URL((await browser.submit(consent, { answer: 'allow' })).url).searchParams;
    },
  };
};

const CALL = { name: 'list_issues', arguments: {} };

test('The first TypeScript SDK signs in from nothing but the URL, and calls a tool', async () => {
  const program = programOf(world);
  const transport = () => new TransportV1(new URL(world.mcpUrl), { authProvider: program });
  const first = transport();
  await expect(new ClientV1({ name: 'v1', version: '1' }).connect(first)).rejects.toThrow(UnauthorizedV1);
  await first.finishAuth((program.kept['answer'] as URLSearchParams).get('code') ?? '');
  const client = new ClientV1({ name: 'v1', version: '1' });
  await client.connect(transport());
  expect(textOf(await client.callTool(CALL))).toContain('list_issues');
  await client.close();
});

test('The second TypeScript SDK signs in from nothing but the URL, and calls a tool', async () => {
  const program = programOf(world);
  const transport = () => new TransportV2(new URL(world.mcpUrl), { authProvider: program });
  const first = transport();
  await expect(new ClientV2({ name: 'v2', version: '1' }).connect(first)).rejects.toThrow();
  const answer = program.kept['answer'] as URLSearchParams;
  await (first.finishAuth as (code: string, iss?: string) => Promise<void>)(
    answer.get('code') ?? '',
    answer.get('iss') ?? '',
  );
  const client = new ClientV2({ name: 'v2', version: '1' });
  await client.connect(transport());
  expect(textOf(await client.callTool(CALL))).toContain('list_issues');
  await client.close();
});
