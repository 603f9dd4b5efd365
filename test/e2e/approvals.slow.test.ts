import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, decisionOf, request, textOf } from '../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';
import { build, removeDataFolder, startBuilt, temporaryDataFolder, type BuiltToolgate } from './built-toolgate.js';

type Json = Record<string, unknown>;
type Client = Readonly<{ merge: (iid: number) => Promise<unknown>; close: () => Promise<void> }>;

const PASSWORD = 'correct horse battery';
const DOCUMENT = {
  version: '1',
  default: 'deny',
  approval: { wait: 15 },
  tools: { merge: { action: 'require_approval', reason: 'Merging needs a human' } },
};
const MINUTE = 60_000;

let dataDir: string;
let upstream: Upstream;
let toolgate: BuiltToolgate;
let [admin, approver, serverId, token] = ['', '', '', ''];

const api = async (bearer: string, method: string, path: string, body?: unknown): Promise<Json> => {
  const answer = await request(
    `${toolgate.url}${path}`,
    method,
    body,
    bearer === '' ? {} : { authorization: `Bearer ${bearer}` },
  );
  if (answer.status > 299)
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

beforeAll(async () => {
  dataDir = await temporaryDataFolder();
  upstream = await startUpstream({
    tools: [aTool('merge')],
    call: ({ arguments: args }) => ({ content: [{ type: 'text', text: `merged ${String(args?.['iid'])}` }] }),
  });
  await build();
  toolgate = await startBuilt(dataDir);
  admin = (
    await api('', 'POST', '/v1/signup', { email: 'admin@example.com', password: PASSWORD, organizationName: 'E2E' })
  )['token'] as string;
  const invitation = await api(admin, 'POST', '/v1/invitations', { email: 'approver@example.com', role: 'approver' });
  approver = (await api('', 'POST', '/v1/invitations/accept', { token: invitation['token'], password: PASSWORD }))[
    'token'
  ] as string;
  serverId = (
    await api(admin, 'POST', '/v1/servers', {
      name: 'Upstream',
      transport: { type: 'streamable-http', url: upstream.url },
    })
  )['id'] as string;
  const policyId = (await api(admin, 'POST', `/v1/servers/${serverId}/policies`, { name: 'p', document: DOCUMENT }))[
    'id'
  ];
  const identityId = (await api(admin, 'POST', '/v1/identities', { name: 'agent', kind: 'agent' }))['id'];
  token = (await api(admin, 'POST', '/v1/grants', { identityId, serverId, policyId }))['token'] as string;
}, 3 * MINUTE);
afterAll(async () => {
  await toolgate.end();
  await upstream.close();
  await removeDataFolder(dataDir);
});

const mcpUrl = (): string => `${toolgate.url}/mcp/${serverId}`;
const firstLine = async (): Promise<Client> => {
  const client = await connect({ mcpUrl: mcpUrl(), token });
  return { merge: (iid) => client.callTool({ name: 'merge', arguments: { iid } }), close: () => client.close() };
};
const secondLine = (mode: 'legacy' | 'auto') => async (): Promise<Client> => {
  const client = new ClientV2({ name: 'test-client', version: '1.0.0' }, { versionNegotiation: { mode } });
  await client.connect(
    new TransportV2(new URL(mcpUrl()), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return { merge: (iid) => client.callTool({ name: 'merge', arguments: { iid } }), close: () => client.close() };
};
/** Takes every result as it is. */
const anything = {
  '~standard': { version: 1, vendor: 'toolgate', validate: (value: unknown) => ({ value }) },
} as const;
const clients: readonly (readonly [string, () => Promise<Client>])[] = [
  ['the first line', firstLine],
  ['the second line in sessions', secondLine('legacy')],
  ['the second line without sessions', secondLine('auto')],
];

/** The approval that waits for the call of this number. */
const pending = async (iid: number): Promise<string> => {
  let found: string | undefined;
  const look = async (): Promise<boolean> => {
    const { items } = (await api(approver, 'GET', '/v1/approvals?status=pending')) as { items: { id: string }[] };
    for (const { id } of items)
      if (((await api(approver, 'GET', `/v1/approvals/${id}`))['arguments'] as Json)['iid'] === iid) found = id;
    return found !== undefined;
  };
  await expect.poll(look, { timeout: 10_000 }).toBe(true);
  return found as string;
};
const approve = (id: string): Promise<Json> => api(approver, 'POST', `/v1/approvals/${id}/approve`);
const merged = (iid: number): number =>
  upstream
    .seenOf('tools/call')
    .filter(({ message }) => JSON.stringify(message?.['params'] ?? {}).includes(`"iid":${iid}}`)).length;

describe.each(clients)('the official SDK, %s', (name, open) => {
  const iid = 100 + clients.findIndex(([one]) => one === name);

  test(
    'gets the result of a call that is approved while it waits, made once',
    async () => {
      const client = await open();
      const waiting = client.merge(iid);
      await approve(await pending(iid));
      expect(textOf(await waiting)).toBe(`merged ${iid}`);
      expect(merged(iid)).toBe(1);
      await client.close();
    },
    MINUTE,
  );

  test(
    'reads a rejection',
    async () => {
      const client = await open();
      const waiting = client.merge(iid);
      await api(approver, 'POST', `/v1/approvals/${await pending(iid)}/reject`, { comment: 'Not on a Friday' });
      const refused = await waiting;
      expect(textOf(refused)).toBe('[POLICY DENIED] merge: a reviewer rejected this call: Not on a Friday');
      expect(decisionOf(refused)).toMatchObject({ effect: 'deny', code: 'approval_rejected' });
      expect(merged(iid)).toBe(1);
      await client.close();
    },
    MINUTE,
  );
});

/** The SDK knows no results that are tasks, so they are made results of calls on their way to it. */
const tasksAsResults: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (!response.headers.get('content-type')?.includes('application/json')) return response;
  const { status, headers } = response;
  return new Response((await response.text()).replace('"resultType":"task"', '"resultType":"complete","content":[]'), {
    status,
    headers,
  });
};

test(
  'the official SDK, the second line, that takes tasks: a held call is one, has the result once it ' +
    'is approved, and is withdrawn when it is cancelled',
  async () => {
    const client = new ClientV2(
      { name: 'test-client', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' }, capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
    );
    await client.connect(
      new TransportV2(new URL(mcpUrl()), {
        fetch: tasksAsResults,
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }),
    );
    expect(client.getServerCapabilities()?.extensions).toEqual({ 'io.modelcontextprotocol/tasks': {} });
    const ask = async (method: string, params: Json): Promise<Json> =>
      (await client.request({ method, params }, anything)) as Json;
    const [made, dropped] = [
      await ask('tools/call', { name: 'merge', arguments: { iid: 301 } }),
      await ask('tools/call', { name: 'merge', arguments: { iid: 302 } }),
    ];
    expect([made, dropped]).toMatchObject([{ status: 'working' }, { status: 'working' }]);
    await ask('tasks/cancel', { taskId: dropped['taskId'] });
    await approve(await pending(301));
    const status = async ({ taskId }: Json): Promise<unknown> => (await ask('tasks/get', { taskId }))['status'];
    await expect.poll(() => status(made), { timeout: 10_000 }).toBe('completed');
    await expect.poll(() => status(dropped), { timeout: 10_000 }).toBe('cancelled');
    expect(textOf((await ask('tasks/get', { taskId: made['taskId'] }))['result'])).toBe('merged 301');
    expect([merged(301), merged(302)]).toEqual([1, 0]);
    await client.close();
  },
  MINUTE,
);

test.each(clients)(
  'a gateway that is killed while a call of %s waits loses nothing: after its return the approval ' +
    'is there, and the repeat runs once',
  async (name, open) => {
    const iid = 200 + clients.findIndex(([one]) => one === name);
    const client = await open();
    const waiting = client.merge(iid).then(
      () => 'answered',
      () => 'failed',
    );
    const id = await pending(iid);
    await toolgate.killGroup();
    expect(await waiting).toBe('failed');
    await client.close().catch(() => undefined);
    toolgate = await startBuilt(dataDir);
    expect(await pending(iid)).toBe(id);
    await approve(id);
    const again = await open();
    expect(textOf(await again.merge(iid))).toBe(`merged ${iid}`);
    expect(merged(iid)).toBe(1);
    expect((await api(approver, 'GET', `/v1/approvals/${id}`))['status']).toBe('used');
    await again.close();
  },
  3 * MINUTE,
);
