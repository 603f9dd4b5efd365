import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { expect } from 'vitest';
import { tellAlarm } from '../../../src/control-plane/notifications/alarms.js';
import type { Alarm } from '../../../src/platform/postgres/alarm.js';
import { productTest } from '../../support/product-test.js';
import { signUp, type Tenant } from '../../support/tenant.js';

type Json = Record<string, unknown>;
type Post = Readonly<{ path: string; headers: IncomingHttpHeaders; body: string }>;

const letters: string[] = [];
const mailServer = new SMTPServer({
  logger: false,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onData: (stream, session, done) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      letters.push(
        `${session.envelope.rcptTo.map(({ address }) => address).join()}\n${Buffer.concat(chunks).toString()}`,
      );
      done();
    });
  },
});
const mailPort = await new Promise<number>((resolve) =>
  mailServer.listen(0, '127.0.0.1', () => resolve((mailServer.server.address() as AddressInfo).port)),
);

const { test, toolgate } = productTest({
  SMTP_URL: `smtp://127.0.0.1:${mailPort}`,
  MAIL_FROM: 'Toolgate <alarms@toolgate.example>',
});

const posts: Post[] = [];
let status = 204;
let server: Server;
let url: string;
let tenant: Tenant;
test.beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alarms?key=in-the-url`;
});
test.beforeEach(async () => {
  tenant = await signUp(toolgate.url);
  status = 204;
  posts.length = 0;
  letters.length = 0;
});
test.afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await new Promise<void>((done) => mailServer.close(() => done()));
});

const SETTINGS = '/v1/notifications';
const until = { timeout: 10_000 };
const put = async (body: Json): Promise<Json> => {
  const answer = await tenant.api('PUT', SETTINGS, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
};
const shown = async (): Promise<Json> => (await tenant.api('GET', SETTINGS)).body;

const SUSPENDED: Alarm = {
  type: 'logStream.suspended',
  subjectId: 'lst_1',
  title: 'A log stream is suspended',
  detail: 'Its receiver has refused everything for seven days.',
  data: { lagRecords: 7 },
};
const tell = (alarm: Alarm = SUSPENDED, organizationId = tenant.organizationId): Promise<void> =>
  toolgate.db.changeInOrganization(organizationId, (tx) => tellAlarm(tx, organizationId, alarm));

test('an alarm goes to the webhook of its organization, signed, and to its addresses', async () => {
  const { webhookSecret, webhook } = await put({ webhook: url, emails: ['ops@example.com', 'two@example.com'] });
  expect(webhook).toBe(url);
  await tell();
  await expect.poll(() => [posts.length, letters.length], until).toEqual([1, 1]);
  const [{ path, headers, body }] = posts as [Post];
  const told = new Webhook(webhookSecret as string).verify(body, headers as Record<string, string>);
  const { type, subjectId, title, detail, data } = SUSPENDED;
  const { organizationId } = tenant;
  expect(told).toMatchObject({ type, data: { organizationId, subjectId, title, detail, ...data } });
  expect(path).toBe('/alarms?key=in-the-url');
  expect(letters[0]).toMatch(/^ops@example.com,two@example.com\n/);
  expect(letters[0]).toContain(`Subject: ${title}`);
  expect(letters[0]).toContain(detail);
  await expect
    .poll(async () => (await shown())['lastMail'], until)
    .toMatchObject({ type, subjectId, status: 'delivered' });
});

test('an alarm that the webhook does not take is sent again under the same id', async () => {
  await put({ webhook: url });
  status = 500;
  await tell();
  await expect
    .poll(async () => (await shown())['lastWebhook'], until)
    .toMatchObject({ status: 'pending', detail: 'it answered with HTTP status 500' });
  status = 204;
  await toolgate.db.worker.query('update alarm_outbox set due_at = now() where done_at is null');
  await expect.poll(async () => (await shown())['lastWebhook'], until).toMatchObject({ status: 'delivered' });
  expect(posts).toHaveLength(2);
  expect(posts[0]?.headers['webhook-id']).toBe(posts[1]?.headers['webhook-id']);
});

const owed = async (): Promise<readonly Json[]> =>
  (
    await toolgate.db.worker.query<Json>(
      'select channel, type, subject_id from alarm_outbox where organization_id = $1 order by created_at',
      [tenant.organizationId],
    )
  ).rows;

test('the same alarm about the same thing is told once an hour, and no channel gets more than sixty', async () => {
  await put({ webhook: url });
  for (let time = 0; time < 3; time += 1) await tell();
  expect(await owed()).toHaveLength(1);
  await tell({ ...SUSPENDED, subjectId: 'lst_2' });
  await tell({ ...SUSPENDED, type: 'logStream.restored' });
  await tell({ ...SUSPENDED, quietSeconds: 0 });
  expect(await owed()).toHaveLength(4);
  for (let other = 0; other < 70; other += 1) await tell({ ...SUSPENDED, subjectId: `lst_more_${other}` });
  expect(await owed()).toHaveLength(60);
});

test('an alarm whose change is undone is told to nobody', async () => {
  await put({ webhook: url });
  const { organizationId } = tenant;
  const undone = toolgate.db.asWorker(async (tx) => {
    await tellAlarm(tx, organizationId, SUSPENDED);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await owed()).toEqual([]);
});

test('an organization that wants no alarms, or another one, gets none', async () => {
  const other = await signUp(toolgate.url);
  await put({ webhook: url });
  await tell(SUSPENDED, other.organizationId);
  await put({ emails: [] });
  await tell();
  expect(await owed()).toEqual([]);
  expect(
    (await toolgate.db.worker.query('select 1 from alarm_outbox where organization_id = $1', [other.organizationId]))
      .rows,
  ).toEqual([]);
});

test('a test of the settings goes the way of an alarm', async () => {
  await put({ webhook: url });
  expect((await tenant.api('POST', `${SETTINGS}/test`)).status).toBe(200);
  await expect
    .poll(async () => (await shown())['lastWebhook'], until)
    .toMatchObject({ type: 'notifications.test', status: 'delivered' });
});

test('alarms go nowhere that a server may not be, and only an admin says where', async () => {
  for (const webhook of ['http://169.254.169.254/latest', 'http://10.0.0.1/', 'ftp://127.0.0.1/'])
    expect(await tenant.api('PUT', SETTINGS, { webhook }), webhook).toMatchObject({
      status: 422,
      body: { code: 'url_not_allowed', errors: [{ pointer: '/webhook' }] },
    });
  expect((await tenant.api('PUT', SETTINGS, {})).status).toBe(400);
  const auditor = await tenant.person('auditor');
  expect([
    (await auditor.api('GET', SETTINGS)).status,
    (await auditor.api('PUT', SETTINGS, { webhook: url })).status,
    (await auditor.api('POST', `${SETTINGS}/test`)).status,
  ]).toEqual([403, 403, 403]);
});

test('the secret of the webhook is shown once, and no event has it or the URL', async () => {
  const { webhookSecret } = await put({ webhook: url });
  expect(webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(await put({ webhook: url })).not.toHaveProperty('webhookSecret');
  expect((await put({ webhook: url, newSecret: true }))['webhookSecret']).not.toBe(webhookSecret);
  await expect.poll(async () => (await tenant.events('&type=notifications.changed')).length, until).toBe(3);
  expect(JSON.stringify(await tenant.events())).not.toMatch(/in-the-url|whsec_/);
});
