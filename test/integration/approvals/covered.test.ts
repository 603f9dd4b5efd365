import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { decisionOf, openSession, type Grant, type Person } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const hold = { action: 'require_approval' } as const;
const POLICY = {
  version: '1',
  default: 'deny',
  approval: { wait: 0 },
  tools: { merge: hold },
  resources: { 'log://*': hold },
  prompts: { summary: hold },
};

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let approver: Person;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: [aTool('merge')],
    offers: { resources: ['log://1'], templates: [], prompts: ['summary'] },
  });
  approver = await tenant.person('approver');
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

const granted = async (): Promise<Grant> => tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
const forwarded = (): number => upstream.seenOf('tools/call').length;
const decide = (who: Person, id: string, what: 'approve' | 'reject') => who.api('POST', `/v1/approvals/${id}/${what}`);

describe('an approval covers all that a request says', () => {
  const META = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'agent', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  type Answer = Readonly<{ code: unknown; approvalId: string }>;

  /** Calls of one grant, in either era; `done` when it reached the upstream. */
  const callerOf = async (grant: Grant) => {
    const session = await openSession(grant);
    const headers = {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const modern = {
      ...headers,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'merge',
    };
    const told = async (response: Response): Promise<Answer> => {
      // What reached the upstream may be an error there.
      const { result } = (await response.json()) as { result?: Json };
      return result?.['isError'] === true ? (decisionOf(result) as Answer) : { code: 'done', approvalId: '' };
    };
    const body = (params: Json) => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'merge', arguments: { iid: 1 }, ...params },
    });
    return {
      legacy: async (params: Json = {}): Promise<Answer> => told(await session.post(body(params))),
      modern: async (params: Json = {}): Promise<Answer> =>
        told(
          await fetch(grant.mcpUrl, {
            method: 'POST',
            headers: modern,
            body: JSON.stringify(body({ ...params, _meta: { ...META, ...(params['_meta'] as Json | undefined) } })),
          }),
        ),
    };
  };

  test.each([
    [
      'a vendor member of _meta',
      { _meta: { 'vendor/target': 'production' } },
      { _meta: { 'vendor/target': 'production' } },
    ],
    ['task', { task: { ttl: 1 } }, { task: { ttl: 1 } }],
    ['a member that MCP does not have', { extra: { force: true } }, { extra: { force: true } }],
    ['_meta that is no object', { _meta: 'x' }, { _meta: 'x' }],
  ] as const)(
    '%s: a call that says it asks anew, reviewers see it, and only that call runs',
    async (_what, said, shown) => {
      const caller = await callerOf(await granted());
      const plain = await caller.legacy();
      await decide(approver, plain.approvalId, 'approve');
      const before = forwarded();
      const other = await caller.legacy(said);
      expect([other.code, other.approvalId === plain.approvalId, forwarded()]).toEqual([
        'approval_required',
        false,
        before,
      ]);
      const path = `/v1/approvals/${other.approvalId}`;
      expect((await approver.api('GET', path)).body).toMatchObject({ arguments: { iid: 1 }, otherParams: shown });
      expect((await approver.api('GET', `/v1/approvals/${plain.approvalId}`)).body).toMatchObject({
        otherParams: null,
      });
      expect((await (await tenant.person('viewer')).api('GET', path)).body).not.toHaveProperty('otherParams');
      const { rows } = await toolgate.db.worker.query<{ sealed: string }>(
        `select encode(sealed_other_params, 'escape') as sealed from approval_arguments where approval_id = $1`,
        [other.approvalId],
      );
      expect(rows[0]?.sealed).not.toMatch(/production|ttl|force/);
      await decide(approver, other.approvalId, 'approve');
      expect((await approver.api('GET', path)).body).toMatchObject({ arguments: null, otherParams: null });
      expect([(await caller.legacy(said)).code, forwarded()]).toEqual(['done', before + 1]);
      expect([(await caller.legacy()).code, forwarded()]).toEqual(['done', before + 2]);
    },
  );

  test(
    'where progress is told, the trace and what a client says of itself change nothing, so that both ' +
      'eras share an approval',
    async () => {
      const caller = await callerOf(await granted());
      const { approvalId } = await caller.legacy({
        _meta: {
          progressToken: 'p',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          tracestate: 'a=b',
          baggage: 'c=d',
        },
      });
      expect(await caller.modern()).toMatchObject({ code: 'approval_required', approvalId });
      expect((await approver.api('GET', `/v1/approvals/${approvalId}`)).body).toMatchObject({ otherParams: null });
      await decide(approver, approvalId, 'approve');
      expect(await caller.modern({ _meta: { 'vendor/dryRun': false } })).toMatchObject({ code: 'approval_required' });
      expect(await caller.modern({ _meta: { progressToken: 7 } })).toMatchObject({ code: 'done' });
    },
  );

  test('a prompt and a resource that are held are covered as a call is', async () => {
    const grant = await granted();
    const session = await openSession(grant);
    const ask = async (method: string, params: Json): Promise<Json> => {
      const answer = (await (await session.post({ jsonrpc: '2.0', id: 1, method, params })).json()) as Json;
      return 'error' in answer
        ? (((answer['error'] as Json)['data'] as Json)['io.toolgate/decision'] as Json)
        : { code: 'done' };
    };
    for (const [method, params] of [
      ['prompts/get', { name: 'summary', arguments: { tone: 'kind' } }],
      ['resources/read', { uri: 'log://1' }],
    ] as const) {
      const plain = await ask(method, params);
      await decide(approver, String(plain['approvalId']), 'approve');
      const other = await ask(method, { ...params, _meta: { 'vendor/target': 'production' } });
      expect([other['code'], other['approvalId'] === plain['approvalId']]).toEqual(['approval_required', false]);
      expect((await approver.api('GET', `/v1/approvals/${String(other['approvalId'])}`)).body).toMatchObject({
        otherParams: { _meta: { 'vendor/target': 'production' } },
      });
      expect(await ask(method, params)).toEqual({ code: 'done' });
    }
  });
});
