import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { openSession } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { get, putServer, unescaped } from './page-support.js';

type Json = Record<string, unknown>;

const { test, toolgate, tenant } = tenantTest();

/** Ten tools, two of each category; those that move money with an amount and without one. */
const TOOLS = [
  { name: 'list_projects', description: 'Lists the projects.' },
  { name: 'get_invoice', description: 'Gets an invoice.' },
  { name: 'create_issue', description: 'Creates an issue.' },
  { name: 'update_label', description: 'Updates a label.' },
  { name: 'cancel_job', description: 'Cancels a running job.' },
  { name: 'run_command', description: 'Runs a command.', inputSchema: { properties: { command: { type: 'string' } } } },
  { name: 'delete_project', description: 'Deletes a project.' },
  { name: 'purge_cache', description: 'Permanently removes all entries.' },
  {
    name: 'create_refund',
    description: 'Refunds an order.',
    inputSchema: { properties: { amount: { type: 'number' } } },
  },
  { name: 'send_payment', description: 'Sends a payment to somebody.' },
];

let upstream: Upstream;
let serverId: string;
let approver: Awaited<ReturnType<typeof tenant.person>>;

test.beforeAll(async () => {
  await putServer(toolgate, { name: 'ten tools' }, TOOLS);
  upstream = await startUpstream({
    json: true,
    tools: [...TOOLS.map(({ name }) => aTool(name)), aTool('unlisted_tool')],
  });
  serverId = await tenant.server(upstream.url);
  approver = await tenant.person('approver');
});
test.afterAll(() => upstream.close());

/** The policy that a visitor copies from the page of a tool, and what the page says that it does. */
const copied = async (tool: string): Promise<Readonly<{ source: string; says: string }>> => {
  const { text } = await get(`${toolgate.url}/catalog/ten-tools/${tool}`);
  const source = unescaped(/<code class="language-json">([^]*?)<\/code>/.exec(text)?.[1] ?? '');
  const says = unescaped(/What it does<\/strong>([^]*?)What it leaves open/.exec(text)?.[1] ?? '');
  return { source, says: says.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ') };
};

const agentWith = async (source: string) => {
  const saved = await tenant.api('POST', `/v1/servers/${serverId}/policies`, { name: 'copied', source });
  expect([saved.status, saved.body['warnings']]).toEqual([201, []]);
  const session = await openSession(await tenant.grant({ serverId, policyId: saved.body['id'] as string }));
  /** The result of a request; one that was held answers as an event stream. */
  const ask = async (method: string, params: Json): Promise<Json> => {
    const text = await (await session.post({ jsonrpc: '2.0', id: 1, method, params })).text();
    const message = text.startsWith('{')
      ? text
      : (text
          .match(/^data: (\{.*)$/gm)
          ?.at(-1)
          ?.slice('data: '.length) ?? '');
    return (JSON.parse(message) as { result: Json }).result;
  };
  const call = async (name: string, args: Json = {}): Promise<Json> => {
    const result = await ask('tools/call', { name, arguments: args });
    const text = (result['content'] as { text: string }[])[0]?.text;
    return {
      code: 'allowed',
      text,
      ...(result['_meta'] as Record<string, Json> | undefined)?.['io.toolgate/decision'],
    };
  };
  const list = async () => ((await ask('tools/list', {}))['tools'] as { name: string }[]).map(({ name }) => name);
  return { call, list };
};

type Agent = Awaited<ReturnType<typeof agentWith>>;

/** The id of the approval that a call of a tool waits for. */
const pendingOf = async (tool: string): Promise<string> => {
  const pending = async (): Promise<Json | undefined> =>
    ((await approver.api('GET', '/v1/approvals?status=pending&limit=1000')).body['items'] as Json[]).find(
      (one) => one['tool'] === tool,
    );
  await expect.poll(pending).toBeDefined();
  return String((await pending())?.['id']);
};

/** What a call gets that is held at first: a person approves it while its client waits. */
const approvedCall = async ({ call }: Agent, tool: string, args: Json): Promise<unknown> => {
  const before = upstream.seenOf('tools/call').length;
  const calling = call(tool, args);
  const id = await pendingOf(tool);
  expect(upstream.seenOf('tools/call')).toHaveLength(before);
  await approver.api('POST', `/v1/approvals/${id}/approve`, { comment: 'fine' });
  return (await calling)['code'];
};

/** The code of each of some calls. */
const codesOf = async (times: number, call: (at: number) => Promise<unknown>): Promise<readonly unknown[]> => {
  const codes: unknown[] = [];
  for (let at = 0; at < times; at += 1) codes.push(await call(at));
  return codes;
};

const now = async (window: string): Promise<unknown> =>
  (await toolgate.db.worker.query(`select date_trunc($1, clock_timestamp())::text as at`, [window])).rows[0]?.at;

/** Plays calls in one window of a limit: those on both sides of its edge say nothing, and are made once more. */
const withinOne = async (window: string, source: string, play: (agent: Agent) => Promise<void>): Promise<void> => {
  for (;;) {
    const before = await now(window);
    let failure: unknown;
    await agentWith(source)
      .then(play)
      .catch((error: unknown) => (failure = error));
    if (before !== (await now(window))) continue;
    if (failure !== undefined) throw failure;
    return;
  }
};

const passesAll = (codes: readonly unknown[]): void => expect(new Set(codes)).toEqual(new Set(['allowed']));

/** Does what a page says, sentence by sentence. */
const obey = async (agent: Agent, tool: string, says: string): Promise<void> => {
  const [, max, , window] = /At most (\d+) calls (an?) (\w+) pass/.exec(says) ?? [];
  const [, input = '', sum] = /The amounts in (\w+) add up to at most (\d+) a day/.exec(says) ?? [];
  const isHeld = says.includes('Every call is held');
  const one = (args: Json): Promise<unknown> =>
    isHeld ? approvedCall(agent, tool, args) : agent.call(tool, args).then(({ code }) => code);
  if (says.includes('Every call is refused')) {
    const reason = /The agent reads: (.*?)\. ?Every/.exec(says)?.[1];
    expect(await agent.call(tool)).toMatchObject({ code: 'denied_by_rule', text: `[POLICY DENIED] ${reason}` });
  } else if (sum !== undefined)
    expect([await one({ [input]: Number(sum) - 1 }), await one({ [input]: 2 }), await one({ [input]: 1 })]).toEqual([
      'allowed',
      'rate_limited',
      'allowed',
    ]);
  else if (max !== undefined) {
    passesAll(await codesOf(Number(max), (at) => one({ at })));
    expect(await one({ at: Number(max) })).toBe('rate_limited');
    expect(window).toMatch(/^(minute|hour|day)$/);
  } else {
    expect(says).toContain('Every call passes');
    passesAll(await codesOf(40, () => one({})));
  }
};

describe('The policy copied from the page of a tool does in the gateway what the page says', () => {
  test.each(TOOLS.map(({ name }) => name))(
    'The policy of %s does what its page says',
    async (tool) => {
      const { source, says } = await copied(tool);
      expect(says).toContain('Every other tool of the server is refused, and not listed.');
      await withinOne(/calls an? (minute|hour|day)/.exec(says)?.[1] ?? 'day', source, async (agent) => {
        expect(await agent.list()).toEqual([tool]);
        expect(await agent.call('unlisted_tool')).toMatchObject({ code: 'not_listed' });
        await obey(agent, tool, says);
      });
    },
    60_000,
  );
});

test('The policy copied from the page of a server is saved as it is, and governs each of its tools', async () => {
  const { text } = await get(`${toolgate.url}/catalog/ten-tools`);
  const source = unescaped(/<code class="language-json">([^]*?)<\/code>/.exec(text)?.[1] ?? '');
  const { call, list } = await agentWith(source);
  expect((await list()).toSorted()).toEqual(TOOLS.map(({ name }) => name).toSorted());
  expect((await call('list_projects'))['code']).toBe('allowed');
  expect((await call('create_issue'))['code']).toBe('allowed');
  expect((await call('delete_project'))['code']).toBe('denied_by_rule');
  expect((await call('unlisted_tool'))['code']).toBe('not_listed');
  expect(await approvedCall({ call, list }, 'send_payment', {})).toBe('allowed');
});
