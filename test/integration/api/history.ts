import { shownCode } from '../../support/authenticator.js';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startUpstream, aTool, type Upstream } from '../../support/upstream.js';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { openSession, request, type Answer } from '../../support/tenant.js';
import { OauthClient } from '../../support/oauth-client.js';
import type { Json } from './problem.js';

/**
 * What an organization did: its id, its public words, which may be on record, and its secrets, which may be nowhere.
 */
/** `token` is of a session of its admin, and no secret that the history looks for. */
export type History = Readonly<{
  organizationId: string;
  token: string;
  words: readonly string[];
  secrets: readonly string[];
}>;

const LIMITED = {
  version: '1',
  default: 'deny',
  tools: {
    echo: { limits: [{ counter: 'echo', window: 'hour', max: 2 }] },
    fail: {},
    refused: { action: 'deny' },
    held: { action: 'require_approval', approval: { wait: 0 } },
    brief: { action: 'require_approval', approval: { wait: 0, expires_in: 1 } },
  },
};
const TOOLS = ['echo', 'fail', 'refused', 'held', 'brief'];
const HALF_AN_HOUR = 1800;

let count = 0;
const once = (): Readonly<Record<string, string>> => ({ 'idempotency-key': randomUUID() });

class Story {
  readonly url: string;
  readonly secrets: string[] = [];
  token = '';
  account = { email: '', password: '' };

  constructor(url: string) {
    this.url = url;
  }

  /** A new secret that a search finds: texts like passwords, header values and arguments. */
  secret(what: string): string {
    const text = `canary${what}${randomBytes(9).toString('hex')}`;
    this.secrets.push(text);
    return text;
  }

  /** Remembers a token by its secret part; its object's id is no secret. */
  keep(token: unknown): string {
    if (typeof token !== 'string' || token.length < 20) throw new Error('no token');
    this.secrets.push(token.slice(token.lastIndexOf('_') + 1));
    return token;
  }

  email(): string {
    return `person-${(count += 1)}-${process.pid}@example.com`;
  }

  async ask(
    expected: number,
    what: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Json> {
    const [method = '', path = ''] = what.split(' ');
    const answer: Answer = await request(`${this.url}${path}`, method, body, {
      ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      ...headers,
    });
    if (answer.status !== expected)
      throw new Error(`${what} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Reads an archive to its end. */
  async read(path: string): Promise<void> {
    const response = await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${this.token}` } });
    if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}`);
    await response.arrayBuffer();
  }

  async id(path: string, body: unknown, headers = {}): Promise<string> {
    return (await this.ask(201, `POST ${path}`, body, headers))['id'] as string;
  }
}

/** An upstream that repeats the credentials and arguments it was sent in every failure. */
const startTalkativeUpstream = (): Promise<Upstream> =>
  startUpstream({
    json: true,
    tools: TOOLS.map((name) => aTool(name)),
    intercept: (incoming, response, seen) => {
      const status = seen.path.includes('/denying')
        ? 401
        : seen.message?.['method'] === 'tools/call' && seen.text.includes('"fail"')
          ? 500
          : undefined;
      if (status !== undefined)
        response
          .writeHead(status, { 'content-type': 'text/plain' })
          .end(`${JSON.stringify(incoming.headers)} ${seen.text}`);
      return status !== undefined;
    },
  });

const signUp = async (story: Story, name: string): Promise<string> => {
  const account = { email: story.email(), password: story.secret('Password') };
  story.account = account;
  const signed = await story.ask(201, 'POST /v1/signup', { ...account, organizationName: name }, once());
  story.keep(signed['token']);
  await story.ask(401, 'POST /v1/login', { email: account.email, password: story.secret('Wrong') });
  await story.ask(401, 'GET /v1/me', undefined, { authorization: `Bearer ${story.secret('Bearer')}` });
  story.token = story.keep((await story.ask(200, 'POST /v1/login', account))['token']);
  await story.ask(204, 'POST /v1/logout', undefined, {
    authorization: `Bearer ${story.keep((await story.ask(200, 'POST /v1/login', account))['token'])}`,
  });
  return (signed['organization'] as Json)['id'] as string;
};

const people = async (story: Story): Promise<Readonly<{ member: string; approver: string }>> => {
  const [email, password] = [story.email(), story.secret('Password')];
  const join = async (): Promise<string> => {
    const token = story.keep(
      (await story.ask(201, 'POST /v1/invitations', { email, role: 'viewer' }, once()))['token'],
    );
    const joined = await story.ask(201, 'POST /v1/invitations/accept', { token, password });
    story.keep(joined['token']);
    return (joined['user'] as Json)['id'] as string;
  };
  const member = await join();
  const reset = story.keep((await story.ask(200, `POST /v1/members/${member}/password-reset`))['token']);
  await story.ask(200, 'POST /v1/password-reset/confirm', { token: reset, password });
  await story.ask(200, `PATCH /v1/members/${member}`, { role: 'auditor' });
  await story.ask(204, `DELETE /v1/members/${member}`);
  await join();
  const leaving = { token: '', password };
  leaving.token = story.keep(
    (await story.ask(201, 'POST /v1/invitations', { email: story.email(), role: 'viewer' }))['token'],
  );
  const { user, token } = await story.ask(201, 'POST /v1/invitations/accept', leaving);
  story.keep(token);
  const leaver = (user as Json)['id'] as string;
  const own = { authorization: `Bearer ${String(token)}` };
  const { secret } = await story.ask(201, 'POST /v1/me/totp', { current: password }, own);
  story.secrets.push(String(secret));
  const confirmed = await story.ask(200, 'POST /v1/me/totp/confirm', { code: shownCode(secret) }, own);
  story.secrets.push(...(confirmed['recoveryCodes'] as readonly string[]));
  await story.read(`/v1/members/${leaver}/data`);
  await story.ask(204, `POST /v1/members/${leaver}/erase`);
  const invitation = story.keep(
    (await story.ask(201, 'POST /v1/invitations', { email: story.email(), role: 'approver' }))['token'],
  );
  const approver = story.keep(
    (await story.ask(201, 'POST /v1/invitations/accept', { token: invitation, password }))['token'],
  );
  const twice = story.email();
  await story.id('/v1/invitations', { email: twice, role: 'approver' });
  await story.ask(204, `DELETE /v1/invitations/${await story.id('/v1/invitations', { email: twice, role: 'viewer' })}`);
  const key = await story.ask(
    201,
    'POST /v1/api-keys',
    { name: 'ci', role: 'admin', expiresAt: '2099-01-01T00:00:00+01:00' },
    once(),
  );
  story.keep(key['secret']);
  await story.ask(204, `DELETE /v1/api-keys/${await story.id('/v1/api-keys', { name: 'short', role: 'viewer' })}`);
  return { member, approver };
};

const servers = async (story: Story, upstream: Upstream): Promise<Readonly<{ main: string; doomed: string }>> => {
  const withHeaders = (url: string): Json => ({
    name: 'A server',
    transport: { type: 'streamable-http', url },
    auth: {
      type: 'headers',
      headers: { Authorization: `Bearer ${story.secret('Header')}`, 'X-Token': story.secret('Header') },
    },
  });
  const main = await story.id('/v1/servers', withHeaders(upstream.url), once());
  await story.id('/v1/servers', withHeaders(`http://127.0.0.1:${upstream.port}/denying`));
  await story.id('/v1/servers', withHeaders(`${upstream.url}?key=${story.secret('Query')}&${story.secret('Query')}`));
  await story.id('/v1/servers', withHeaders(`http://127.0.0.1:${upstream.port}/s/${story.secret('Path')}/mcp`));
  const args = [`--key=${story.secret('Argument')}`, '--token', story.secret('Argument'), story.secret('Argument')];
  await story.id('/v1/servers', {
    name: 'A command',
    transport: { type: 'stdio', command: process.execPath, args, env: { KEY: story.secret('Variable') } },
  });
  const doomed = await story.id('/v1/servers', withHeaders('http://127.0.0.1:9/mcp'));
  await story.ask(200, `PATCH /v1/servers/${main}`, {
    name: 'Renamed',
    auth: { type: 'headers', headers: { 'X-Token': story.secret('Header') } },
  });
  await story.ask(200, `PATCH /v1/servers/${main}`, { disabled: true });
  await story.ask(200, `PATCH /v1/servers/${main}`, { disabled: false });
  await story.ask(200, `POST /v1/servers/${main}/discover`);
  for (const disabled of [true, false]) await story.ask(200, `PATCH /v1/servers/${main}/tools/fail`, { disabled });
  await story.ask(200, `PUT /v1/servers/${main}/tools/fail/category`, { category: 'Execute', reason: 'It runs a job' });
  await story.ask(204, `DELETE /v1/servers/${main}/tools/fail/category`);
  await story.ask(200, `PUT /v1/servers/${main}/tools/fail/category`, { category: 'Read', reason: 'It only looks' });
  await story.ask(200, `POST /v1/servers/${main}/policies/recommended`, { posture: 'balanced' });
  await story.ask(200, `PATCH /v1/servers/${doomed}`, {
    transport: { type: 'streamable-http', url: upstream.url },
    auth: { type: 'none' },
  });
  upstream.setTools(TOOLS.map((name) => aTool(name, { description: 'changed' })));
  await story.ask(200, `POST /v1/servers/${main}/discover`);
  await story.ask(200, `POST /v1/servers/${main}/tools/echo/accept`, {});
  return { main, doomed };
};

const policies = async (story: Story, serverId: string): Promise<string> => {
  const make = (): Promise<string> =>
    story.id(`/v1/servers/${serverId}/policies`, { name: 'policy', document: { version: '1', default: 'allow' } });
  const policy = await make();
  await story.ask(
    200,
    `PUT /v1/policies/${policy}`,
    {
      name: 'limited',
      document: {
        ...LIMITED,
        tools: { ...LIMITED.tools, ...(JSON.parse('{"__proto__":{"action":"deny"}}') as object) },
      },
    },
    { 'if-match': '"1"' },
  );
  await story.ask(200, `PUT /v1/policies/${policy}`, { document: LIMITED }, { 'if-match': '"2"' });
  await story.ask(204, `DELETE /v1/policies/${await make()}`);
  return policy;
};

const identities = async (story: Story, memberId: string): Promise<Readonly<{ main: string; doomed: string }>> => {
  const attributes = JSON.parse('{"__proto__":"a","team":"ünï 😀","level":1e21,"small":0.1,"none":null}') as Json;
  const main = await story.id('/v1/identities', {
    name: 'Ada',
    kind: 'human',
    memberId,
    externalId: 'ext-1',
    attributes,
  });
  await story.ask(200, `PATCH /v1/identities/${main}`, {
    name: 'Ada L',
    externalId: null,
    attributes: { ...attributes, team: 'b' },
    disabled: true,
  });
  await story.ask(200, `PATCH /v1/identities/${main}`, { disabled: false, memberId: null });
  return { main, doomed: await story.id('/v1/identities', { name: 'bot', kind: 'agent', externalId: 'ext-1' }) };
};

type Granted = Readonly<{ token: string; mcpUrl: string; id: string }>;

const grants = async (
  story: Story,
  of: Readonly<{ main: Json; byServer: Json; byIdentity: Json }>,
): Promise<Granted> => {
  const issue = async (body: Json): Promise<Granted> => {
    const grant = await story.ask(201, 'POST /v1/grants', body, once());
    story.keep(grant['token']);
    return grant as unknown as Granted;
  };
  const { policyId, ...bare } = of.main;
  const { id } = await issue({ ...bare, label: 'first', expiresAt: '2099-06-01T12:00:00.5Z' });
  await story.ask(200, `PATCH /v1/grants/${id}`, { policyId, shadowPolicyId: policyId, label: null, expiresAt: null });
  for (const disabled of [true, false]) await story.ask(200, `PATCH /v1/grants/${id}`, { disabled });
  const rotated = await story.ask(200, `POST /v1/grants/${id}/rotate`, { graceSeconds: HALF_AN_HOUR }, once());
  const revoked = await issue(of.main);
  await story.ask(200, `POST /v1/grants/${revoked.id}/revoke`);
  await issue(of.byServer);
  await issue(of.byIdentity);
  return { ...(rotated as unknown as Granted), token: story.keep(rotated['token']) };
};

const notifications = async (story: Story, upstream: Upstream): Promise<void> => {
  const webhookUrl = `http://127.0.0.1:${upstream.port}/hook/${story.secret('Path')}?token=${story.secret('Query')}`;
  const { webhookSecret } = await story.ask(200, 'PUT /v1/approvals/notifications', { webhookUrl });
  story.secrets.push(String(webhookSecret).slice('whsec_'.length));
  await story.ask(200, 'GET /v1/approvals/notifications');
  const webhook = `http://127.0.0.1:${upstream.port}/alarms/${story.secret('Path')}`;
  story.secrets.push(
    String((await story.ask(200, 'PUT /v1/notifications', { webhook }))['webhookSecret']).slice('whsec_'.length),
  );
  await story.ask(200, 'POST /v1/notifications/test');
};

/** A receiver that repeats what it was sent: it refuses the first record, or every credential. */
const startTalkativeReceiver = async (refuses: 'a record' | 'credentials'): Promise<LogReceiver> => {
  const receiver = await startLogReceiver();
  receiver.answer((text, _count, headers) => {
    const body = `${JSON.stringify(headers)} ${text}`;
    if (refuses === 'credentials') return { status: 401, body };
    return { status: text.includes('"seq":1,') ? 400 : 200, body };
  });
  return receiver;
};

/** Waits for something that a log stream does by itself. */
const eventually = async (found: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; !(await found()); tries += 1) {
    if (tries === 600) throw new Error('a log stream was not served in 30 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** A stream with deliveries and a dead letter, one whose credentials are refused, and one that is deleted. */
const logStreams = async (story: Story): Promise<void> => {
  const [taking, denying] = await Promise.all([
    startTalkativeReceiver('a record'),
    startTalkativeReceiver('credentials'),
  ]);
  const makeStream = async (url: string, more: Json): Promise<string> => {
    const headers = { authorization: `Bearer ${story.secret('Header')}`, 'x-key': story.secret('Header') };
    const config = { url: `${url}/${story.secret('Path')}?key=${story.secret('Query')}`, headers };
    const made = await story.ask(201, 'POST /v1/log-streams', { name: 'a stream', kind: 'webhook', config, ...more });
    story.secrets.push(String(made['secret']).slice('whsec_'.length));
    return String(made['id']);
  };
  const id = await makeStream(taking.url, { startAt: 'beginning' });
  const denied = await makeStream(denying.url, { kind: 'webhook', filter: { types: ['logStream.changed'] } });
  const at = `/v1/log-streams/${id}`;
  await story.ask(200, `PATCH ${at}`, { name: 'renamed', config: { headers: { 'x-key': story.secret('Header') } } });
  await eventually(async () => (await story.ask(200, `GET ${at}/health`))['deadLetters'] === 1);
  await story.ask(200, `POST ${at}/dead-letters/redrive`);
  const rotated = await story.ask(200, `POST ${at}/rotate-secret`, { graceSeconds: 60 });
  story.secrets.push(String(rotated['secret']).slice('whsec_'.length));
  await story.ask(200, `POST ${at}/test`);
  await story.ask(200, `POST ${at}/pause`);
  const backfill = await story.id(`${at}/backfills`, { from: { seq: 1 }, to: { seq: 2 } });
  await story.ask(204, `DELETE ${at}/backfills/${backfill}`);
  await story.ask(200, `POST ${at}/resume`);
  await eventually(async () => (await story.ask(200, `GET /v1/log-streams/${denied}`))['status'] === 'auth_error');
  await story.ask(204, `DELETE /v1/log-streams/${await makeStream(taking.url, {})}`);
  await Promise.all([taking.close(), denying.close()]);
};

/** One call that is approved and runs, one that stays pending, one that nobody decides in time. */
const approvals = async (
  story: Story,
  approver: string,
  call: (name: string, text: string) => Promise<Response>,
): Promise<void> => {
  const ask = async (name: string, text: string): Promise<string> =>
    /apr_[0-9a-z]{26}/.exec(await (await call(name, text)).text())?.[0] ?? '';
  const text = story.secret('Argument');
  await story.ask(
    200,
    `POST /v1/approvals/${await ask('held', text)}/approve`,
    { comment: 'fine' },
    { authorization: `Bearer ${approver}` },
  );
  await (await call('held', text)).text();
  await ask('held', story.secret('Argument'));
  const brief = await ask('brief', story.secret('Argument'));
  while ((await story.ask(200, `GET /v1/approvals/${brief}`))['arguments'] !== null)
    await new Promise((resolve) => setTimeout(resolve, 100));
};

const calls = async (story: Story, grant: Granted, approver: string, upstream: Upstream): Promise<void> => {
  const session = await openSession(grant);
  story.secrets.push(session.id);
  const call = (name: string, text = story.secret('Argument')) =>
    session.post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: { text, nested: [{ key: text }] } },
    });
  for (const name of ['echo', 'echo', 'echo', 'fail', 'refused', 'nothing']) await (await call(name)).text();
  await approvals(story, approver, call);
  await (
    await fetch(grant.mcpUrl, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${grant.token}`, 'mcp-session-id': session.id },
    })
  ).text();
  story.secrets.push(...upstream.seen.flatMap(({ headers }) => headers['mcp-session-id'] ?? []));
  await fetch(grant.mcpUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${story.secret('Bearer')}` },
    body: story.secret('Body'),
  });
};

const RESTARTABLE = fileURLToPath(new URL('../../support/restartable-server.mjs', import.meta.url));

/** A session whose command ends, so that its next request starts the command again. */
const restart = async (story: Story, identityId: string): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-history-'));
  try {
    const program = join(folder, 'program');
    await writeFile(program, '{}');
    const serverId = await story.id('/v1/servers', {
      name: 'Restarts',
      transport: { type: 'stdio', command: process.execPath, args: [RESTARTABLE, program], env: {} },
    });
    const policyId = await story.id(`/v1/servers/${serverId}/policies`, {
      name: 'all',
      document: { version: '1', default: 'allow' },
    });
    const grant = (await story.ask(201, 'POST /v1/grants', { identityId, serverId, policyId })) as unknown as Granted;
    story.keep(grant.token);
    const session = await openSession(grant);
    story.secrets.push(session.id);
    for (const name of ['exit', 'pid'])
      await (
        await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
      ).text();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** A client signs in to a server, and its tokens are issued. */
const clients = async (story: Story, of: Readonly<{ serverId: string; identityName: string }>): Promise<void> => {
  await story.id('/v1/servers', {
    name: 'Demands OAuth',
    transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' },
    auth: { type: 'oauth', clientId: 'toolgate', clientSecret: story.secret('ClientSecret') },
  });
  await story.ask(200, `PATCH /v1/servers/${of.serverId}`, { clientAuth: 'both' });
  const client = await OauthClient.register(story.url);
  const tokens = await client.tokens(`${story.url}/mcp/${of.serverId}`, story.account, of.identityName);
  story.keep(tokens.access);
  story.secrets.push(tokens.refresh);
};

/** Makes at least one event of every type in a new organization, with secrets wherever the API takes or gives one. */
export const liveThrough = async (url: string, name: string): Promise<History> => {
  const upstream = await startTalkativeUpstream();
  const story = new Story(url);
  try {
    const organizationId = await signUp(story, name);
    for (const disabled of [true, false]) await story.ask(200, 'PATCH /v1/organization', { disabled });
    await story.ask(200, 'POST /v1/organization/deletion', { organizationName: name });
    await story.ask(204, 'DELETE /v1/organization/deletion');
    const { member, approver } = await people(story);
    const server = await servers(story, upstream);
    const policyId = await policies(story, server.main);
    const identity = await identities(story, member);
    const main = { identityId: identity.main, serverId: server.main, policyId };
    const grant = await grants(story, {
      main,
      byServer: { identityId: identity.main, serverId: server.doomed },
      byIdentity: { ...main, identityId: identity.doomed },
    });
    await clients(story, { serverId: server.main, identityName: '' });
    await notifications(story, upstream);
    await logStreams(story);
    await calls(story, grant, approver, upstream);
    await restart(story, identity.main);
    await story.ask(204, `DELETE /v1/servers/${server.doomed}`);
    await story.ask(204, `DELETE /v1/identities/${identity.doomed}`);
    await story.ask(200, 'GET /v1/audit/events?effect=deny');
    await story.ask(200, 'GET /v1/audit/export?format=csv');
    await story.read('/v1/organization/export');
    return {
      organizationId,
      token: story.token,
      words: [name, 'Renamed', 'ünï'],
      secrets: [...new Set(story.secrets)],
    };
  } finally {
    await upstream.close();
  }
};
