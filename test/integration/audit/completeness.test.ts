import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { request } from '../../support/tenant.js';
import { until } from './audit-support.js';

type Json = Readonly<Record<string, unknown>>;

const PASSWORD = 'correct horse battery';
const { test, toolgate, tenant } = tenantTest();

const eventsOf = async (type: string): Promise<readonly Json[]> => tenant.events(`&type=${type}`);
const recorded = async (type: string, count = 1): Promise<readonly Json[]> => {
  await until(async () => (await eventsOf(type)).length >= count);
  return eventsOf(type);
};
const emailOf = async (): Promise<string> =>
  ((await tenant.api('GET', '/v1/me')).body['user'] as Json)['email'] as string;
const login = (email: string, password: string): ReturnType<typeof request> =>
  request(`${toolgate.url}/v1/login`, 'POST', { email, password });

test('sign-ins, sign-outs and sessions that are ended are on record, with the person and the address', async () => {
  const email = await emailOf();
  const token = (await login(email, PASSWORD)).body['token'] as string;
  await request(`${toolgate.url}/v1/logout`, 'POST', undefined, { authorization: `Bearer ${token}` });
  await login(email, PASSWORD);
  const signedIn = (await recorded('member.signedIn', 2)).slice(-2);
  for (const event of signedIn)
    expect(event).toMatchObject({ email, sourceIp: '127.0.0.1', actor: { type: 'member' } });
  const sessionId = String(signedIn[1]?.['sessionId']);
  expect((await tenant.api('DELETE', `/v1/sessions/${sessionId}`)).status).toBe(204);
  const signedOut = (await recorded('member.signedOut', 2)).slice(-2);
  expect(signedOut.map((event) => event['sessionId'])).toEqual([signedIn[0]?.['sessionId'], sessionId]);
});

test('wrong passwords are on record once, however many are tried, and those of strangers nowhere', async () => {
  const email = await emailOf();
  for (let n = 0; n < 5; n += 1) expect((await login(email, `wrong password ${n}`)).status).toBe(401);
  expect((await login('nobody@example.com', 'wrong password')).status).toBe(401);
  await recorded('member.signInFailed');
  // What is recorded behind them shows that no more of them are under way.
  await tenant.identity('recorded last');
  await recorded('identity.created');
  const failed = await recorded('member.signInFailed');
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatchObject({ email, count: 1, addresses: ['127.0.0.1'], sourceIp: '127.0.0.1' });
});

test('a change says what was before and after, from where, and leaves out what did not change', async () => {
  const id = await tenant.identity('Ada');
  await tenant.api('PATCH', `/v1/identities/${id}`, { name: 'Ada L', attributes: { team: 'core' } });
  const [changed] = await recorded('identity.changed');
  expect(changed).toMatchObject({ sourceIp: '127.0.0.1', actor: { type: 'member' } });
  expect([changed?.['before'], changed?.['after']]).toEqual([
    { name: 'Ada', attributes: {} },
    { name: 'Ada L', attributes: { team: 'core' } },
  ]);
});

test('a policy is on record as the hash of its text, and its event is answered whole', async () => {
  const serverId = await tenant.server('http://127.0.0.1:9/mcp');
  const policyId = await tenant.policy(serverId, { version: '1', default: 'deny' });
  const hide = Array.from({ length: 5000 }, (_, n) => `a_${n}`);
  const source = JSON.stringify({ version: '1', default: 'deny', hide });
  await tenant.api('PUT', `/v1/policies/${policyId}`, { source }, { 'if-match': '"1"' });
  const [, event] = await recorded('policy.published', 2);
  const document = event?.['document'] as Json;
  expect(document).toEqual({
    sha256: createHash('sha256').update(source).digest('hex'),
    bytes: source.length,
    url: `/v1/policies/${policyId}/versions/2`,
  });
  expect((await tenant.api('GET', String(document['url']))).body['source']).toBe(source);
  expect(event).toMatchObject({ after: { document, policyVersion: 2 }, before: { policyVersion: 1 } });
  const whole = (await tenant.api('GET', `/v1/audit/events/${String(event?.['id'])}`)).body;
  expect(whole).toMatchObject({ source, seq: event?.['seq'], document: { default: 'deny' } });
});

test('pages of the audit log follow one another by their Link, as JSON and as NDJSON', async () => {
  const seqs: number[] = [];
  let path: string | undefined = '/v1/audit/events?limit=3';
  while (path !== undefined) {
    const response: Response = await fetch(`${toolgate.url}${path}`, {
      headers: { authorization: `Bearer ${tenant.token}`, accept: 'application/x-ndjson' },
    });
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    const lines = (await response.text()).trimEnd().split('\n');
    seqs.push(...lines.map((line) => (JSON.parse(line) as { seq: number }).seq));
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    expect(response.headers.get('toolgate-has-more')).toBe(String(path !== undefined));
    if (path === undefined) expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  }
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  expect(seqs.length).toBeGreaterThan(6);
});
