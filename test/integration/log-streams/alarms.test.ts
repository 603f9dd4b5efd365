import pg from 'pg';
import { expect } from 'vitest';
import { tellAlarm } from '../../../src/control-plane/notifications/alarms.js';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import { LOOKS, makeWatch } from '../../../src/record/log-streams/delivery/watch.js';
import { startLogReceiver, type LogReceiver } from '../../support/log-receiver.js';
import { startMailbox } from '../../support/mailbox.js';
import { productTest } from '../../support/product-test.js';
import { signUp, type Tenant } from '../../support/tenant.js';
import { healthOf, makeStream, record } from './streams-support.js';

const mailbox = await startMailbox();
const { test, toolgate } = productTest({ SMTP_URL: mailbox.smtpUrl, MAIL_FROM: 'Toolgate <alarms@toolgate.example>' });

const WAIT = { timeout: 15_000 };
let alarms: LogReceiver;
let receiver: LogReceiver;
let tenant: Tenant;
test.beforeAll(async () => {
  alarms = await startLogReceiver();
  owner = new pg.Client({ connectionString: toolgate.databaseUrl });
  await owner.connect();
});
test.beforeEach(async () => {
  receiver = await startLogReceiver();
  tenant = await signUp(toolgate.url);
  await tenant.api('PUT', '/v1/notifications', { webhook: alarms.url, emails: ['siem@example.com'] });
});
test.afterEach(() => receiver.close());
test.afterAll(async () => {
  await owner.end();
  await alarms.close();
  await mailbox.close();
});

/** As the owner of the database: the record is nobody's else to change. */
let owner: pg.Client;
const sql = (text: string, ...values: unknown[]) => owner.query(text, values);

/** So many looks as make an alarm, without the time between them. */
const watch = async (): Promise<void> => {
  const look = makeWatch({ db: toolgate.db, store: new EventStore(toolgate.db), tellAlarm });
  for (let count = 0; count < LOOKS; count += 1) await look();
};

const stream = async (more: object = {}): Promise<string> =>
  (await makeStream(tenant, { kind: 'http', config: { url: receiver.url }, ...more })).id;

type Told = Readonly<{ type: string; data: Readonly<Record<string, unknown>> }>;

/** The alarm is on record, and came by webhook and by mail, once. */
const expectTold = async (code: string, id: string): Promise<void> => {
  const posts = () => alarms.requests.map(({ text }) => JSON.parse(text) as Told);
  const posted = () => posts().filter(({ type, data }) => type === `logStream.${code}` && data['subjectId'] === id);
  const mails = () => mailbox.letters.filter((one) => one.includes(`logStream.${code}`) && one.includes(id));
  await expect.poll(() => [posted().length, mails().length], WAIT).toEqual([1, 1]);
  expect(posted()[0]?.data).toMatchObject({ organizationId: tenant.organizationId, streamId: id });
  const onRecord = async () =>
    (await tenant.events('&type=logStream.alarmRaised')).filter((one) => one['code'] === code);
  await expect.poll(onRecord, WAIT).toMatchObject([{ streamId: id }]);
};

const caughtUp = (id: string) => expect.poll(async () => (await healthOf(tenant, id))['lagRecords'], WAIT).toBe(0);

test('a stream that has not sent a record for five minutes is told of as trailing, until it has', async () => {
  receiver.answer(() => 'hang');
  const id = await stream({ startAt: 'beginning' });
  // A node runs it by then, and its records are there.
  await expect.poll(() => receiver.requests.length, WAIT).toBeGreaterThan(0);
  await watch();
  expect(alarms.requests.filter(({ text }) => text.includes(id))).toEqual([]);
  await sql(
    `update audit_records set recorded_at = recorded_at - interval '301 s' where organization_id = $1`,
    tenant.organizationId,
  );
  await sql('update log_stream_cursors set next_at = null where organization_id = $1', tenant.organizationId);
  await watch();
  await expectTold('trailing', id);
  await receiver.close();
  receiver = await startLogReceiver(undefined, receiver.port);
  await tenant.api('POST', `/v1/log-streams/${id}/resume`);
  await caughtUp(id);
  await watch();
  const open = await sql('select 1 from log_stream_alarms where stream_id = $1 and ended_at is null', id);
  expect(open.rows).toEqual([]);
});

test('a stream whose cursor is gone is told of as vanished', async () => {
  const id = await stream();
  await sql('delete from log_stream_cursors where organization_id = $1', tenant.organizationId);
  await watch();
  await expectTold('vanished', id);
  expect(await healthOf(tenant, id)).toMatchObject({ running: false });
});

test('a stream whose row is gone is told of as vanished, by the cursor that it left', async () => {
  const id = await stream();
  await sql('delete from log_streams where organization_id = $1', tenant.organizationId);
  await watch();
  await expectTold('vanished', id);
});

test('a stream that loads empty, as its settings are gone, is told of as vanished', async () => {
  const id = await stream();
  await sql('delete from log_stream_secrets where organization_id = $1', tenant.organizationId);
  await watch();
  await expectTold('vanished', id);
});

test('a stream whose settings can not be opened is told of at once', async () => {
  const id = await stream();
  await sql(
    `update log_stream_secrets set sealed = substring(sealed from 1 for 20) where organization_id = $1`,
    tenant.organizationId,
  );
  await tenant.api('POST', `/v1/log-streams/${id}/resume`);
  await expectTold('unreadable', id);
});

test('a stream whose credentials are refused is told of at once', async () => {
  receiver.answer(() => ({ status: 403 }));
  await expectTold('auth_error', await stream({ startAt: 'beginning' }));
});

test('a stream that retention overtook is told of, and goes on behind what is gone', async () => {
  const id = await stream();
  await caughtUp(id);
  await tenant.api('POST', `/v1/log-streams/${id}/pause`);
  await record(tenant, 3);
  await expect.poll(async () => Number((await healthOf(tenant, id))['lagRecords']), WAIT).toBeGreaterThanOrEqual(3);
  const { cursorSeq } = await healthOf(tenant, id);
  const next = Number(cursorSeq) + 1;
  await sql('delete from audit_records where organization_id = $1 and seq = $2', tenant.organizationId, next);
  await tenant.api('POST', `/v1/log-streams/${id}/resume`);
  await expectTold('records_gone', id);
  await caughtUp(id);
  const seqs = receiver.taken().map(({ seq }) => Number(seq));
  expect(seqs).not.toContain(next);
  expect(seqs).toContain(next + 1);
});

test('a stream ahead of the log, as of a restored database, is stopped and told of until it is resumed', async () => {
  const id = await stream();
  await caughtUp(id);
  await sql('update log_stream_cursors set next_seq = 1000000 where organization_id = $1', tenant.organizationId);
  await expectTold('cursor_beyond_head', id);
  const shown = (await tenant.api('GET', `/v1/log-streams/${id}`)).body;
  expect(shown).toMatchObject({ status: 'suspended', statusReason: 'cursor_beyond_head' });
  const before = receiver.taken().length;
  await tenant.api('POST', `/v1/log-streams/${id}/resume`);
  await record(tenant);
  await expect.poll(() => receiver.taken().length, WAIT).toBeGreaterThan(before);
});

test('a stream that sent nothing for seven days is suspended and told of, and resumes where it was', async () => {
  receiver.answer(() => ({ status: 503 }));
  const id = await stream({ startAt: 'beginning' });
  await expect.poll(async () => (await healthOf(tenant, id))['status'], WAIT).toBe('degraded');
  const cursorBefore = (await healthOf(tenant, id))['cursorSeq'];
  // As it is kept, so that it also counts while no process runs.
  await sql(
    `update log_stream_cursors set failing_since = now() - interval '7 days', retry_at = null, restarts = restarts + 1
      where organization_id = $1`,
    tenant.organizationId,
  );
  await expectTold('suspended', id);
  expect(await healthOf(tenant, id)).toMatchObject({ status: 'suspended', cursorSeq: cursorBefore });
  receiver.answer(() => ({ status: 200 }));
  await tenant.api('POST', `/v1/log-streams/${id}/resume`);
  await caughtUp(id);
  expect(receiver.taken()[0]).toMatchObject({ seq: 1 });
});
