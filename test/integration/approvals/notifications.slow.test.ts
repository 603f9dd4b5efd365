import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { openSession, signUp, type Person, type Tenant } from '../../support/tenant.js';
import { startBeside, startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;
type Post = Readonly<{ path: string; headers: IncomingHttpHeaders; body: string; at: number }>;
type Answer = 'hang' | number;

const CANARY = 'canary-argument';

/** An endpoint of a customer: records what it gets. */
const startEndpoint = async () => {
  const posts: Post[] = [];
  const state: { answer: Answer; location: string } = { answer: 204, location: '' };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        at: Date.now(),
      });
      if (state.answer !== 'hang')
        response.writeHead(state.answer, state.location === '' ? {} : { location: state.location }).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks?key=in-the-url`,
    port,
    posts,
    state,
    close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))),
  };
};

type Letter = Readonly<{ from: string; to: readonly string[]; text: string }>;

/** A mail server that wants a password. */
const startMailServer = async () => {
  const letters: Letter[] = [];
  const state = { refuses: false };
  const server = new SMTPServer({
    logger: false,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'toolgate' && password === 'hunter2-mail' ? done(null, { user: username }) : done(new Error('no')),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (state.refuses) return done(new Error('not now'));
        const { mailFrom, rcptTo } = session.envelope;
        letters.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
        });
        return done();
      });
    },
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const { port } = server.server.address() as AddressInfo;
  return { port, letters, state, close: () => new Promise<void>((done) => server.close(() => done())) };
};

let toolgate: TestToolgate;
let other: Toolgate;
let upstream: Upstream;
let endpoint: Awaited<ReturnType<typeof startEndpoint>>;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let tenant: Tenant;
let approver: Person;

beforeAll(async () => {
  [endpoint, mail, upstream] = [
    await startEndpoint(),
    await startMailServer(),
    await startUpstream({ json: true, tools: [aTool('merge')] }),
  ];
  const settings = {
    SMTP_URL: `smtp://toolgate:hunter2-mail@127.0.0.1:${mail.port}`,
    MAIL_FROM: 'Toolgate <approvals@toolgate.example>',
  };
  toolgate = await startTestToolgate(settings);
  other = await startBeside(toolgate, { ROLES: 'api', PUBLIC_URL: toolgate.url, ...settings });
});
afterAll(async () => {
  await other.close();
  await toolgate.close();
  await Promise.all([endpoint.close(), mail.close(), upstream.close()]);
});
beforeEach(async () => {
  tenant = await signUp(toolgate.url);
  approver = await tenant.person('approver');
  Object.assign(endpoint.state, { answer: 204, location: '' });
});

const SETTINGS = '/v1/approvals/notifications';
const put = async (body: Json): Promise<Json> => {
  const answer = await tenant.api('PUT', SETTINGS, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
};

/** Makes calls that are held; resolves to the ids of their approvals. */
const hold = (...calls: readonly Json[]): Promise<readonly string[]> => holdOn({}, calls);
const holdOn = async (approval: Json, calls: readonly Json[]): Promise<readonly string[]> => {
  const serverId = await tenant.server(upstream.url, { name: 'GitLab' });
  const policyId = await tenant.policy(serverId, {
    version: '1',
    default: 'deny',
    approval: { wait: 0, ...approval },
    tools: { '*merge*': { action: 'require_approval', reason: 'Merging needs a human' } },
  });
  const session = await openSession(
    await tenant.grant({ serverId, policyId, identityId: await tenant.identity('release bot') }),
  );
  const ids: string[] = [];
  for (const params of calls) {
    const text = await (
      await session.post({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'merge', arguments: { secret: CANARY }, ...params },
      })
    ).text();
    ids.push(/apr_[0-9a-z]{26}/.exec(text)?.[0] ?? text);
  }
  return ids;
};

const postsAbout = (id: string): readonly Post[] => endpoint.posts.filter(({ body }) => body.includes(id));
const lettersAbout = (id: string): readonly Letter[] => mail.letters.filter(({ text }) => text.includes(id));
/** Makes what is put off due now. */
const hurry = (): Promise<unknown> =>
  toolgate.db.worker.query('update approval_outbox set due_at = now() where done_at is null');
const until = { timeout: 10_000 };

describe('a webhook', () => {
  test(
    'tells of a request, of the decision and of an expiry, signed as Standard Webhooks has it, ' +
      'without a value of an argument',
    async () => {
      const { webhookSecret, webhookUrl } = await put({ webhookUrl: endpoint.url });
      expect(webhookUrl).toBe(endpoint.url);
      const [id = ''] = await hold({});
      await expect.poll(() => postsAbout(id).length, until).toBe(1);
      await approver.api('POST', `/v1/approvals/${id}/approve`);
      await expect.poll(() => postsAbout(id).length, until).toBe(2);
      const verifier = new Webhook(webhookSecret as string);
      const told = postsAbout(id).map(
        ({ body, headers }) =>
          verifier.verify(body, headers as Record<string, string>) as { type: string; timestamp: string; data: Json },
      );
      expect(told.map(({ type, data }) => [type, data['status']])).toEqual([
        ['approval.requested', 'pending'],
        ['approval.decided', 'approved'],
      ]);
      expect(told[0]?.data).toMatchObject({
        approvalId: id,
        tool: 'merge',
        serverName: 'GitLab',
        identityName: 'release bot',
        reason: 'Merging needs a human',
        rule: '/tools/*merge*/action',
        url: `${toolgate.url}/v1/approvals/${id}`,
      });
      expect(postsAbout(id).every(({ path }) => path === '/hooks?key=in-the-url')).toBe(true);
      expect(JSON.stringify(endpoint.posts)).not.toContain(CANARY);
      const forged = postsAbout(id)[0] as Post;
      expect(() =>
        verifier.verify(forged.body.replace('pending', 'approved'), forged.headers as Record<string, string>),
      ).toThrow(/signature/);
      expect((await tenant.api('GET', SETTINGS)).body).toMatchObject({
        lastWebhook: { approvalId: id, status: 'delivered', detail: null },
      });
    },
  );

  test('tells once of an approval that nobody decided in time', async () => {
    const { webhookSecret } = await put({ webhookUrl: endpoint.url });
    const [id = ''] = await holdOn({ expires_in: 1 }, [{}]);
    const told = () =>
      postsAbout(id).map(
        ({ body, headers }) =>
          new Webhook(webhookSecret as string).verify(body, headers as Record<string, string>) as {
            type: string;
            data: Json;
          },
      );
    await expect
      .poll(() => told().map(({ type, data }) => [type, data['status']]), until)
      .toEqual([
        ['approval.requested', 'pending'],
        ['approval.expired', 'expired'],
      ]);
    expect(told()[1]?.data).toMatchObject({ approvalId: id, kind: 'tool', tool: 'merge', serverName: 'GitLab' });
    expect(JSON.stringify(endpoint.posts)).not.toContain(CANARY);
  });

  test('is sent again, under the same id, until it is taken', async () => {
    const { webhookSecret } = await put({ webhookUrl: endpoint.url });
    endpoint.state.answer = 500;
    const [id = ''] = await hold({});
    await expect.poll(() => postsAbout(id).length, until).toBe(1);
    await expect
      .poll(async () => ((await tenant.api('GET', SETTINGS)).body['lastWebhook'] as Json | null)?.['detail'], until)
      .toBe('it answered with HTTP status 500');
    endpoint.state.answer = 200;
    await expect.poll(() => postsAbout(id).length, { timeout: 15_000 }).toBe(2);
    const [first, second] = postsAbout(id) as [Post, Post];
    expect(second.at - first.at).toBeGreaterThan(4000);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    for (const { body, headers } of [first, second])
      new Webhook(webhookSecret as string).verify(body, headers as Record<string, string>);
    await expect
      .poll(async () => ((await tenant.api('GET', SETTINGS)).body['lastWebhook'] as Json)['status'], until)
      .toBe('delivered');
  });

  test('is sent once by two processes that both may', async () => {
    await put({ webhookUrl: endpoint.url });
    const ids = await hold(...Array.from({ length: 15 }, (_, n) => ({ arguments: { n } })));
    await expect.poll(() => ids.filter((id) => postsAbout(id).length > 0).length, { timeout: 20_000 }).toBe(15);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(ids.map((id) => postsAbout(id).length)).toEqual(ids.map(() => 1));
  });

  test('whose endpoint hangs holds up neither the call nor another organization', async () => {
    await put({ webhookUrl: endpoint.url });
    endpoint.state.answer = 'hang';
    await hold(...Array.from({ length: 6 }, (_, n) => ({ arguments: { n } })));
    const [id = ''] = await hold({});
    tenant = await signUp(toolgate.url);
    const good = await startEndpoint();
    await put({ webhookUrl: good.url });
    const [theirs = ''] = await hold({});
    await expect.poll(() => good.posts.some(({ body }) => body.includes(theirs)), { timeout: 20_000 }).toBe(true);
    expect(id).toMatch(/^apr_/);
    await good.close();
  });

  test('goes nowhere that a server may not be, and follows no redirect', async () => {
    for (const webhookUrl of [
      'http://169.254.169.254/latest',
      'http://10.0.0.1/',
      `${toolgate.url}/v1/signup`,
      'ftp://127.0.0.1/',
      'http://user:pass@127.0.0.1/',
    ]) {
      const { status, body } = await tenant.api('PUT', SETTINGS, { webhookUrl });
      expect([status, body['code']], webhookUrl).toEqual([422, 'url_not_allowed']);
    }
    expect(await tenant.api('PUT', SETTINGS, { webhookUrl: 'nonsense' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_body', errors: [{ pointer: '/webhookUrl' }] },
    });
    const secret = await startEndpoint();
    await put({ webhookUrl: endpoint.url });
    Object.assign(endpoint.state, { answer: 307, location: secret.url });
    const [id = ''] = await hold({});
    await expect
      .poll(async () => ((await tenant.api('GET', SETTINGS)).body['lastWebhook'] as Json | null)?.['detail'], until)
      .toBe('it answered with HTTP status 307');
    expect([postsAbout(id).length > 0, secret.posts]).toEqual([true, []]);
    await secret.close();
  });

  test(
    'shows its secret once, keeps it with a new URL, and replaces it when asked; an event says so ' +
      'without URL or secret',
    async () => {
      const first = await put({ webhookUrl: endpoint.url });
      expect(first['webhookSecret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect((await tenant.api('GET', SETTINGS)).body).toEqual({
        version: expect.any(Number) as number,
        webhookUrl: endpoint.url,
        emails: [],
        lastWebhook: null,
        lastMail: null,
      });
      expect('webhookSecret' in (await put({ webhookUrl: `${endpoint.url}2` }))).toBe(false);
      const replaced = await put({ webhookUrl: endpoint.url, newSecret: true });
      expect(replaced['webhookSecret']).not.toBe(first['webhookSecret']);
      const [id = ''] = await hold({});
      await expect.poll(() => postsAbout(id).length, until).toBe(1);
      const [{ body, headers }] = postsAbout(id) as [Post];
      new Webhook(replaced['webhookSecret'] as string).verify(body, headers as Record<string, string>);
      expect(() =>
        new Webhook(first['webhookSecret'] as string).verify(body, headers as Record<string, string>),
      ).toThrow(/signature/);
      await put({ webhookUrl: null });
      await expect
        .poll(
          async () =>
            (await tenant.events('&type=approvalNotifications.changed')).map((event) => event['webhookOrigin']),
          until,
        )
        .toEqual([...Array.from({ length: 3 }, () => new URL(endpoint.url).origin), null]);
      expect(JSON.stringify(await tenant.events())).not.toMatch(/in-the-url|whsec_/);
      const policyManager = await tenant.person('policy_manager');
      expect([
        (await policyManager.api('GET', SETTINGS)).status,
        (await approver.api('PUT', SETTINGS, {})).status,
      ]).toEqual([403, 403]);
    },
  );

  test('is not sent for a request that was decided before it went out', async () => {
    await put({ webhookUrl: endpoint.url });
    endpoint.state.answer = 503;
    const [id = ''] = await hold({});
    await expect.poll(() => postsAbout(id).length, until).toBe(1);
    await approver.api('POST', `/v1/approvals/${id}/reject`);
    endpoint.state.answer = 204;
    await hurry();
    await expect
      .poll(() => postsAbout(id).filter(({ body }) => body.includes('approval.decided')).length, until)
      .toBeGreaterThan(0);
    await expect
      .poll(
        async () =>
          (
            await toolgate.db.worker.query('select 1 from approval_outbox where approval_id = $1 and done_at is null', [
              id,
            ])
          ).rowCount,
        until,
      )
      .toBe(0);
    expect(postsAbout(id).filter(({ body }) => body.includes('approval.requested'))).toHaveLength(1);
  });
});

describe('a mail', () => {
  test('tells the addresses of a request, without a value of an argument', async () => {
    await put({ emails: ['one@example.com', 'two@example.com'] });
    const [id = ''] = await hold({});
    await expect.poll(() => lettersAbout(id).length, until).toBe(1);
    const [letter] = lettersAbout(id) as [Letter];
    expect([letter.from, letter.to]).toEqual(['approvals@toolgate.example', ['one@example.com', 'two@example.com']]);
    expect(letter.text).toMatch(/^Subject: Approval wanted: merge\r$/m);
    for (const part of [
      '"merge" of "GitLab"',
      '"release bot"',
      'Merging needs a human',
      `${toolgate.url}/v1/approvals/${id}`,
    ])
      expect(letter.text.replaceAll('=\r\n', '')).toContain(part);
    expect(JSON.stringify(mail.letters)).not.toContain(CANARY);
    await approver.api('POST', `/v1/approvals/${id}/approve`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(lettersAbout(id)).toHaveLength(1);
  });

  test('that the mail server does not take is sent again', async () => {
    await put({ emails: ['one@example.com'] });
    mail.state.refuses = true;
    const [id = ''] = await hold({});
    await expect
      .poll(async () => ((await tenant.api('GET', SETTINGS)).body['lastMail'] as Json | null)?.['detail'], until)
      .toMatch(/^the mail server did not take it: /);
    mail.state.refuses = false;
    await hurry();
    await expect.poll(() => lettersAbout(id).length, until).toBe(1);
  });

  test('goes out sixty times an hour at most', async () => {
    await put({ emails: ['one@example.com'] });
    await toolgate.db.worker.query(
      `insert into approval_outbox(organization_id, id, approval_id, channel, type, done_at)
        select $1, 'old' || n, 'none', 'mail', 'approval.requested', now() from generate_series(1, 59) n`,
      [tenant.organizationId],
    );
    const [first = '', second = ''] = await hold({ arguments: { n: 1 } }, { arguments: { n: 2 } });
    await expect.poll(() => lettersAbout(first).length, until).toBe(1);
    const { rows } = await toolgate.db.worker.query<{ approval_id: string }>(
      `select approval_id from approval_outbox where organization_id = $1 and approval_id <> 'none'`,
      [tenant.organizationId],
    );
    expect(rows.map((row) => row.approval_id)).toEqual([first]);
    expect(second).toMatch(/^apr_/);
  });

  test('is for at most ten different addresses, and for none where no mail server is set', async () => {
    for (const emails of [
      ['nobody'],
      ['a@example.com', 'a@example.com'],
      Array.from({ length: 11 }, (_, n) => `${n}@example.com`),
      'a@example.com',
      [1],
    ]) {
      expect((await tenant.api('PUT', SETTINGS, { emails })).body['code'], JSON.stringify(emails)).toBe('invalid_body');
    }
    const mute = await startBeside(toolgate, { ROLES: 'gateway,api' });
    const answer = await fetch(`${mute.url}${SETTINGS}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ emails: ['a@example.com'] }),
    });
    expect([answer.status, ((await answer.json()) as Json)['code']]).toEqual([422, 'unsupported']);
    await mute.close();
  });
});
