import { describe, expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { modernClient, type ModernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import type { Grant, Person } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const EXTENSION = 'io.modelcontextprotocol/tasks';
const declared = { meta: { [META.clientCapabilities]: { elicitation: {}, extensions: { [EXTENSION]: {} } } } };

const { test, toolgate: here, tenant } = tenantTest();
let there: Toolgate;
let upstream: ModernUpstream;
let approver: Person;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startModernUpstream({ tools: [aTool('merge'), aTool('other')] });
  there = await startBeside(here);
  approver = await tenant.person('approver');
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await there.close();
  await upstream.close();
});

const granted = async (approval: Json = {}): Promise<Grant> =>
  tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, {
      version: '1',
      default: 'deny',
      approval: { wait: 20, ...approval },
      tools: { merge: { action: 'require_approval' }, other: {} },
    }),
  });
const elsewhere = async (grant: Grant): Promise<ModernClient> => {
  const client = modernClient({ ...grant, mcpUrl: grant.mcpUrl.replace(here.url, there.url) });
  await expect.poll(async () => (await client.ask('tools/list')).status, { timeout: 5000 }).toBe(200);
  return client;
};
const call = (client: ModernClient, iid: number, more: Parameters<ModernClient['ask']>[2] = declared): Promise<Json> =>
  client.ask('tools/call', { name: 'merge', arguments: { iid } }, more).then(({ body }) => body['result'] as Json);
const ask = async (client: ModernClient, method: string, taskId: unknown): Promise<Json> =>
  (await client.ask(method, { taskId }, declared)).body;
const get = async (client: ModernClient, taskId: unknown): Promise<Json> =>
  (await ask(client, 'tasks/get', taskId))['result'] as Json;
const statusOf = async (client: ModernClient, taskId: unknown): Promise<unknown> =>
  (await get(client, taskId))['status'];
const approvalOf = async (grant: Grant): Promise<Json> =>
  ((await tenant.api('GET', '/v1/approvals?limit=1000')).body['items'] as Json[]).findLast(
    ({ grantId }) => grantId === grant.id,
  ) as Json;
const decide = async (grant: Grant, what: 'approve' | 'reject', comment?: string): Promise<void> =>
  expect(
    (await approver.api('POST', `/v1/approvals/${String((await approvalOf(grant))['id'])}/${what}`, { comment }))
      .status,
  ).toBe(200);
const forwarded = (iid: number): readonly Json[] =>
  upstream
    .seenOf('tools/call')
    .flatMap(({ message }) => (JSON.stringify(message).includes(`"iid":${iid}}`) ? [message as Json] : []));

test('an approval is for the answers too that a call brings: with others, or without, it is another call', async () => {
  const grant = await granted({ wait: 0 });
  const client = modernClient(grant);
  const bringing = (answers: Json) =>
    client
      .ask('tools/call', { name: 'merge', arguments: { iid: 31 }, ...answers })
      .then(({ body }) => JSON.stringify(body['result']));
  const answered = { inputResponses: { account: { action: 'accept', content: { iban: 'a' } } }, requestState: 's' };
  await bringing({});
  await decide(grant, 'approve');
  expect(await bringing(answered)).toContain('APPROVAL REQUIRED');
  const shown = (await approver.api('GET', `/v1/approvals/${String((await approvalOf(grant))['id'])}`)).body;
  expect(shown).toMatchObject({ status: 'pending', arguments: { arguments: { iid: 31 }, ...answered } });
  expect(await bringing({ ...answered, requestState: 't' })).toContain('APPROVAL REQUIRED');
  expect(forwarded(31)).toEqual([]);
  expect(await bringing({})).toContain('iid');
  expect(forwarded(31)).toHaveLength(1);
});

describe('a held call of a client that takes tasks', () => {
  test(
    'is a task at once, and once it is approved it is made without a repeat, once, and the task has ' + 'its result',
    async () => {
      const grant = await granted();
      const client = modernClient(grant);
      const task = await call(client, 1);
      const id = String((await approvalOf(grant))['id']);
      expect(task).toEqual({
        resultType: 'task',
        taskId: expect.stringContaining(id),
        status: 'working',
        statusMessage: expect.stringContaining(`pending as approval ${id}`),
        createdAt: expect.any(String),
        lastUpdatedAt: expect.any(String),
        ttlMs: expect.any(Number),
        pollIntervalMs: expect.any(Number),
      });
      expect(await get(client, task['taskId'])).toEqual({ ...task, resultType: 'complete' });
      expect((await call(client, 1))['taskId']).toBe(task['taskId']);
      expect(forwarded(1)).toEqual([]);
      await decide(grant, 'approve');
      await expect.poll(() => statusOf(client, task['taskId']), { timeout: 5000 }).toBe('completed');
      const { result } = await get(client, task['taskId']);
      expect(result).toMatchObject({ content: [{ type: 'text', text: '{"tool":"merge","arguments":{"iid":1}}' }] });
      expect(forwarded(1)).toHaveLength(1);
      expect(forwarded(1)).toMatchObject([{ params: { _meta: { [META.clientCapabilities]: {} } } }]);
      expect(JSON.stringify(forwarded(1))).not.toContain(EXTENSION);
      expect(await approvalOf(grant)).toMatchObject({ id, status: 'used' });
      await expect
        .poll(
          async () => (await tenant.events(`&grantId=${grant.id}&type=toolCall.completed`)).map(({ status }) => status),
          { timeout: 5000 },
        )
        .toEqual(['ok']);
      expect((await tenant.events(`&grantId=${grant.id}&type=toolCall.decided`)).map(({ effect }) => effect)).toEqual([
        'hold',
        'hold',
        'allow',
      ]);
    },
  );

  test('that is rejected, or whose time is over, has as its result what the call would have been told', async () => {
    const [rejected, late] = [await granted(), await granted({ expires_in: 1 })];
    const [first, second] = [modernClient(rejected), modernClient(late)];
    const tasks = [await call(first, 2), await call(second, 2)];
    await decide(rejected, 'reject', 'Not on a Friday');
    for (const [index, client] of [first, second].entries())
      await expect.poll(() => statusOf(client, tasks[index]?.['taskId']), { timeout: 5000 }).toBe('completed');
    expect((await get(first, tasks[0]?.['taskId']))['result']).toMatchObject({
      isError: true,
      resultType: 'complete',
      content: [{ text: '[POLICY DENIED] merge: a reviewer rejected this call: Not on a Friday' }],
    });
    expect(JSON.stringify((await get(second, tasks[1]?.['taskId']))['result'])).toContain('approval_expired');
    expect(forwarded(2)).toEqual([]);
  });

  test(
    'is withdrawn when it is cancelled, on whatever gateway: nobody can approve it any more, it is ' +
      'never made, and the next call asks anew',
    async () => {
      for (const of of [modernClient, elsewhere]) {
        const grant = await granted();
        const client = modernClient(grant);
        const { taskId } = await call(client, 3);
        const { id } = await approvalOf(grant);
        expect(await ask(await of(grant), 'tasks/cancel', taskId)).toMatchObject({
          result: { resultType: 'complete' },
        });
        await expect.poll(() => statusOf(client, taskId), { timeout: 5000 }).toBe('cancelled');
        expect(await approvalOf(grant)).toMatchObject({ id, status: 'expired' });
        expect((await approver.api('POST', `/v1/approvals/${String(id)}/approve`)).status).toBe(409);
        const next = await call(client, 3);
        expect([next['resultType'], next['taskId'] === taskId, (await approvalOf(grant))['id'] === id]).toEqual([
          'task',
          false,
          false,
        ]);
        expect(forwarded(3)).toEqual([]);
      }
    },
  );

  test('is known to every gateway, and to no other grant', async () => {
    const [mine, theirs] = [await granted(), await granted()];
    const { taskId } = await call(modernClient(mine), 5);
    expect(await get(await elsewhere(mine), taskId)).toMatchObject({ taskId, status: 'working', pollIntervalMs: 2000 });
    for (const client of [modernClient(theirs), await elsewhere(theirs)]) {
      for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update'])
        expect(await ask(client, method, taskId)).toMatchObject({ error: { code: -32_602 } });
    }
    expect(await approvalOf(mine)).toMatchObject({ status: 'pending' });
    await decide(mine, 'approve');
    await expect.poll(() => statusOf(modernClient(mine), taskId), { timeout: 5000 }).toBe('completed');
    expect(['working', 'completed']).toContain(await statusOf(await elsewhere(mine), taskId));
  });

  test('whose grant is revoked meanwhile is not made', async () => {
    const grant = await granted();
    const { taskId } = await call(modernClient(grant), 6);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    expect(
      (await approver.api('POST', `/v1/approvals/${String((await approvalOf(grant))['id'])}/approve`)).status,
    ).toBe(409);
    expect((await modernClient(grant).ask('tasks/get', { taskId }, declared)).status).toBe(401);
    expect(forwarded(6)).toEqual([]);
  });
});

test(
  'a client that takes no tasks is kept waiting as ever, and one that does gets the results of ' +
    'other calls as ever',
  async () => {
    const grant = await granted({ wait: 0 });
    const client = modernClient(grant);
    expect(await call(client, 7, {})).toMatchObject({
      isError: true,
      resultType: 'complete',
      content: [{ text: expect.stringContaining('[APPROVAL REQUIRED]') }],
    });
    expect((await client.ask('tools/call', { name: 'other', arguments: {} }, declared)).body['result']).toMatchObject({
      content: [{ text: '{"tool":"other","arguments":{}}' }],
    });
  },
);

test('tasks are offered where calls may be held, and not where none is', async () => {
  const open = await tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
  });
  const extensionsOf = async (grant: Grant): Promise<Json> =>
    (((await modernClient(grant).ask('server/discover')).body['result'] as Json)['capabilities'] as Json)[
      'extensions'
    ] as Json;
  expect([await extensionsOf(await granted()), await extensionsOf(open)]).toEqual([{ [EXTENSION]: {} }, undefined]);
});
