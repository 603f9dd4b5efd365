import { expect } from 'vitest';
import { TestBrowser } from '../../support/browser.js';
import { pkce } from '../../support/oauth-client.js';
import { productTest } from '../../support/product-test.js';
import { request, signUp } from '../../support/tenant.js';
import { probe, signInWorld } from './oauth-support.js';

const PUBLIC_URL = 'https://gate.example.com';
const { test, toolgate } = productTest({ PUBLIC_URL });

test('Behind a proxy that ends TLS, URLs and cookies are those of PUBLIC_URL', async () => {
  const { listensOn } = toolgate.toolgate;
  const { serverId, admin, upstream } = await signInWorld(listensOn, await signUp(listensOn));
  const resource = `${PUBLIC_URL}/mcp/${serverId}`;
  const challenged = await request(`${listensOn}/mcp/${serverId}`, 'POST', {});
  expect(challenged.headers.get('www-authenticate')).toContain(`resource_metadata="${PUBLIC_URL}/.well-known/`);
  const metadata = await request(`${listensOn}/.well-known/oauth-authorization-server`, 'GET');
  expect(metadata.body).toMatchObject({ issuer: PUBLIC_URL, token_endpoint: `${PUBLIC_URL}/oauth/token` });
  const redirectUri = 'https://client.example/callback';
  const registered = await request(`${listensOn}/oauth/register`, 'POST', { redirect_uris: [redirectUri] });
  const { verifier, challenge } = pkce();
  const asked = {
    client_id: String(registered.body['client_id']),
    redirect_uri: redirectUri,
    response_type: 'code',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource,
  };
  const browser = new TestBrowser(PUBLIC_URL, listensOn);
  const page = await browser.open(`${PUBLIC_URL}/oauth/authorize?${new URLSearchParams(asked).toString()}`);
  expect(page.url).toMatch(`${PUBLIC_URL}/oauth/consent/`);
  const consent = await browser.submit(page, admin);
  const end = new URL((await browser.submit(consent, { answer: 'allow' })).url);
  expect(`${end.origin}${end.pathname}`).toBe(redirectUri);
  expect(end.searchParams.get('iss')).toBe(PUBLIC_URL);
  expect(browser.insecureCookies).toEqual([]);
  const form = {
    grant_type: 'authorization_code',
    code: end.searchParams.get('code') ?? '',
    code_verifier: verifier,
    client_id: asked.client_id,
    redirect_uri: redirectUri,
  };
  const tokens = await fetch(`${listensOn}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) });
  const { access_token: access } = (await tokens.json()) as { access_token: string };
  expect(await probe(`${listensOn}/mcp/${serverId}`, access)).not.toBe(401);
  await upstream.close();
});
