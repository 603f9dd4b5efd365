import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGitLabApi, type GitLabApi } from '../../src/demo/gitlab-api.js';
import { startGitLabServer, type GitLabServer } from '../../src/demo/gitlab-server.js';
import { connect, decisionOf, signUp, textOf, type Grant, type Tenant } from '../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';
import { removeDataFolder, runBuilt, startBuilt, temporaryDataFolder, type BuiltToolgate } from './built-toolgate.js';

type Json = Record<string, unknown>;
type Usage = Readonly<{
  grant: string;
  tool: string;
  effect: string;
  calls: number;
  completed: number;
  failed: number;
}>;

const UPSTREAM_TOKEN = 'glpat-e2e-upstream-credential';
const MINUTE_MS = 60_000;
const BURST_NEEDS_MS = 15_000;

let dataDir: string;
let toolgate: BuiltToolgate;
let api: GitLabApi;
let gitlab: GitLabServer;
let simple: Upstream;
let tenant: Tenant;

/** How many calls the agents saw carried out and refused, over all tests. */
const seen = { done: 0, refused: 0, jobs: [] as string[] };

const policyFor = (tool: string) => ({
  version: '1',
  default: 'deny',
  tools: { [tool]: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
});

const register = (url: string): Promise<string> =>
  tenant.server(url, {
    name: 'GitLab',
    auth: { type: 'headers', headers: { Authorization: `Bearer ${UPSTREAM_TOKEN}` } },
  });

beforeAll(async () => {
  dataDir = await temporaryDataFolder();
  api = await startGitLabApi(UPSTREAM_TOKEN);
  gitlab = await startGitLabServer(api.url);
  simple = await startUpstream({ tools: ['cancel_job', 'list_issues'].map((name) => aTool(name)) });
  toolgate = await startBuilt(dataDir);
  tenant = await signUp(toolgate.url);
}, 120_000);
afterAll(async () => {
  await toolgate?.killGroup().catch(() => undefined);
  await gitlab?.close();
  await api?.close();
  await simple?.close();
  await removeDataFolder(dataDir);
});

/** The limit counts by the minute of the clock: eleven calls that must fall into one begin where there is room. */
const roomInTheMinute = async (): Promise<void> => {
  const left = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left < BURST_NEEDS_MS) await sleep(left + 50);
};

const call = async (client: Client, name: string, args: Json): Promise<Json> => {
  const result = (await client.callTool({ name, arguments: args })) as Json;
  if ((result['_meta'] as Json | undefined)?.['io.toolgate/decision']) seen.refused += 1;
  else {
    seen.done += 1;
    if (typeof args['job_id'] === 'string') seen.jobs.push(args['job_id']);
  }
  return result;
};

const statusOf = (pending: Promise<unknown>): Promise<unknown> =>
  pending.then(
    () => 200,
    (error: unknown) => (error as { code?: unknown }).code,
  );

const tenThenRefused = async (client: Client, tool: string, firstJob: number): Promise<void> => {
  const cancel = (n: number): Promise<Json> => call(client, tool, { project_id: '42', job_id: String(firstJob + n) });
  for (let n = 0; n < 10; n += 1) expect((await cancel(n))['isError'] ?? false).toBe(false);
  const refused = await cancel(10);
  expect(refused['isError']).toBe(true);
  const decision = decisionOf(refused);
  const wait = decision['retryAfterSeconds'] as number;
  expect(Number.isInteger(wait) && wait >= 1 && wait <= 60).toBe(true);
  expect(textOf(refused)).toBe(`[POLICY DENIED] ${tool}: 10 per minute used up; try again in ${wait} s`);
  expect(decision).toEqual({
    id: expect.stringMatching(/^evt_/),
    callId: expect.stringMatching(/^call_/),
    effect: 'deny',
    code: 'rate_limited',
    rule: `/tools/${tool}/limits/0`,
    retryAfterSeconds: wait,
  });
};

describe.each([
  { server: "GitLab's MCP server", tool: 'cancel_pipeline_job', firstJob: 1000, url: () => gitlab.url },
  { server: 'a server that names the tool cancel_job', tool: 'cancel_job', firstJob: 2000, url: () => simple.url },
])('the running example with $server', ({ tool, firstJob, url }) => {
  test(
    'the list names one tool, ten calls pass, the eleventh and every other tool are refused, and ' +
      'another grant has its own ten',
    async () => {
      const serverId = await register(url());
      const server = await tenant.api('GET', `/v1/servers/${serverId}`);
      expect(server.body).toMatchObject({ status: 'ready', auth: { type: 'headers' } });
      expect(JSON.stringify(server.body)).not.toContain(UPSTREAM_TOKEN);
      const policyId = await tenant.policy(serverId, policyFor(tool));
      const [one, two] = await Promise.all([
        connect(await tenant.grant({ serverId, policyId })),
        connect(await tenant.grant({ serverId, policyId })),
      ]);
      expect((await one.listTools()).tools.map(({ name }) => name)).toEqual([tool]);
      await roomInTheMinute();
      await tenThenRefused(one, tool, firstJob);
      const unlisted = await call(one, 'list_issues', { project_id: '42' });
      expect(unlisted['isError']).toBe(true);
      expect(textOf(unlisted)).toMatch(/^\[POLICY DENIED\] /);
      expect(decisionOf(unlisted)).toMatchObject({ effect: 'deny', code: 'not_listed', rule: '/default' });
      await tenThenRefused(two, tool, firstJob + 100);
      await Promise.all([one.close(), two.close()]);
    },
    60_000,
  );
});

/** An SDK client, and when its event stream (GET) opened and ended. */
const connectWatched = async (grant: Grant) => {
  const stream: { openedAt?: number; endedAt?: number } = {};
  const watch = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    stream.openedAt = performance.now();
    const reader = body.getReader();
    try {
      while (!(await reader.read()).done);
    } catch {
      // Cut off is ended, too.
    }
    stream.endedAt = performance.now();
  };
  const watchingFetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(url, init);
    if (init?.method !== 'GET' || response.status !== 200 || !response.body || stream.openedAt !== undefined)
      return response;
    const [ours, theirs] = response.body.tee();
    void watch(ours);
    return new Response(theirs, { status: 200, headers: response.headers });
  };
  const client = new Client({ name: 'watched', version: '1.0.0' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
      requestInit: { headers: { authorization: `Bearer ${grant.token}` } },
      fetch: watchingFetch,
    }),
  );
  await expect.poll(() => stream.openedAt, { timeout: 5000 }).toBeDefined();
  return { client, stream };
};

describe('a change governs the next call', () => {
  let serverId: string;
  let policyId: string;
  beforeAll(async () => {
    serverId = await register(gitlab.url);
    policyId = await tenant.policy(serverId, policyFor('cancel_pipeline_job'));
  });

  test('after a PUT of the policy the next call follows the new version', async () => {
    const client = await connect(await tenant.grant({ serverId, policyId }));
    expect((await call(client, 'cancel_pipeline_job', { project_id: '42', job_id: '3000' }))['isError'] ?? false).toBe(
      false,
    );
    const put = await tenant.api(
      'PUT',
      `/v1/policies/${policyId}`,
      {
        document: {
          version: '1',
          default: 'deny',
          tools: { cancel_pipeline_job: { action: 'deny', reason: 'Deploy freeze' }, list_issues: {} },
        },
      },
      { 'if-match': '"1"' },
    );
    expect([put.status, put.body['version'], put.headers.get('etag')]).toEqual([200, 2, '"2"']);
    const frozen = await call(client, 'cancel_pipeline_job', { project_id: '42' });
    expect(textOf(frozen)).toBe('[POLICY DENIED] Deploy freeze');
    expect(decisionOf(frozen)).toMatchObject({ code: 'denied_by_rule' });
    expect((await call(client, 'list_issues', { project_id: '42' }))['isError'] ?? false).toBe(false);
    expect((await client.listTools()).tools.map(({ name }) => name).toSorted()).toEqual([
      'cancel_pipeline_job',
      'list_issues',
    ]);
    await client.close();
  });

  test('after a rotation the old token is 401 at once, and the new one works', async () => {
    const grant = await tenant.grant({ serverId, policyId });
    const old = await connect(grant);
    const rotated = await tenant.api('POST', `/v1/grants/${grant.id}/rotate`, {});
    expect(await statusOf(old.callTool({ name: 'list_issues', arguments: { project_id: '42' } }))).toBe(401);
    const renewed = await connect({ mcpUrl: grant.mcpUrl, token: String(rotated.body['token']) });
    expect((await call(renewed, 'list_issues', { project_id: '42' }))['isError'] ?? false).toBe(false);
    await Promise.all([old.close(), renewed.close()]);
  });

  test(
    'after a revocation the next call is 401 and the open stream closes within 1 s; another grant’s ' + 'stream stays',
    async () => {
      const grant = await tenant.grant({ serverId, policyId });
      const [{ client, stream }, other] = [
        await connectWatched(grant),
        await connectWatched(await tenant.grant({ serverId, policyId })),
      ];
      const revokedAt = performance.now();
      expect((await tenant.api('POST', `/v1/grants/${grant.id}/revoke`)).status).toBe(200);
      expect(await statusOf(client.callTool({ name: 'list_issues', arguments: { project_id: '42' } }))).toBe(401);
      await expect.poll(() => stream.endedAt, { timeout: 2000, interval: 10 }).toBeDefined();
      expect((stream.endedAt ?? Infinity) - revokedAt).toBeLessThan(1000);
      expect(other.stream.endedAt).toBeUndefined();
      await Promise.all([client.close(), other.client.close()]);
    },
  );
});

const of = (events: readonly Json[], type: string): readonly Json[] => events.filter((event) => event['type'] === type);

const usage = async (): Promise<readonly Usage[]> =>
  ((await tenant.api('GET', '/v1/usage?groupBy=grant,tool,effect&interval=day')).body['items'] as Usage[]).toSorted(
    (a, b) => `${a.grant} ${a.tool} ${a.effect}`.localeCompare(`${b.grant} ${b.tool} ${b.effect}`),
  );

/** The counters that the events alone give. */
const recount = (events: readonly Json[]): Map<string, [number, number, number]> => {
  const status = new Map(of(events, 'toolCall.completed').map((event) => [event['callId'], event['status'] as string]));
  const counts = new Map<string, [number, number, number]>();
  for (const { grantId, tool, effect, callId } of of(events, 'toolCall.decided')) {
    const key = `${String(grantId)} ${String(tool)} ${String(effect)}`;
    const [calls, completed, failed] = counts.get(key) ?? [0, 0, 0];
    const outcome = status.get(callId);
    const good = outcome === 'ok' || outcome === 'tool_error';
    counts.set(key, [
      calls + 1,
      completed + (good ? 1 : 0),
      failed + (outcome !== undefined && !good && outcome !== 'not_forwarded' ? 1 : 0),
    ]);
  }
  return counts;
};

describe('the record of it', () => {
  test('GitLab saw exactly the allowed calls, each with the upstream credential and none with a grant token', () => {
    const gitlabJobs = seen.jobs.filter((job) => !job.startsWith('2'));
    expect(api.cancelledJobs()).toEqual(gitlabJobs);
    expect(gitlabJobs).toHaveLength(21);
    for (const { credential } of api.requests) expect(credential).toBe(UPSTREAM_TOKEN);
    for (const { headers } of [...api.requests, ...simple.seen]) expect(JSON.stringify(headers)).not.toContain('tg_');
    for (const { headers } of simple.seen) expect(headers.authorization).toBe(`Bearer ${UPSTREAM_TOKEN}`);
    expect(simple.seenOf('tools/call')).toHaveLength(20);
  });

  test('the audit log has every decision and outcome once, its seq dense from 1, and no secret', async () => {
    await expect
      .poll(async () => of(await tenant.events(), 'toolCall.completed').length, { timeout: 10_000 })
      .toBe(seen.done);
    const events = await tenant.events();
    expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
    expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
    const decided = of(events, 'toolCall.decided');
    const allowed = decided.filter((event) => event['effect'] === 'allow').map((event) => event['callId'] as string);
    expect([allowed.length, decided.length - allowed.length]).toEqual([seen.done, seen.refused]);
    expect(new Set(decided.map((event) => event['callId'])).size).toBe(decided.length);
    expect(
      of(events, 'toolCall.completed')
        .map((event) => event['callId'] as string)
        .toSorted(),
    ).toEqual(allowed.toSorted());
    for (const type of [
      'organization.created',
      'server.registered',
      'tools.discovered',
      'policy.published',
      'identity.created',
      'grant.issued',
      'grant.rotated',
      'grant.revoked',
    ])
      expect([type, of(events, type).length > 0]).toEqual([type, true]);
    expect(JSON.stringify(events)).not.toMatch(/tg_grant_|glpat-/);
  });

  test('the usage counters equal a recount of the audit log', async () => {
    const wanted = recount(await tenant.events());
    await expect
      .poll(
        async () =>
          new Map(
            (await usage()).map(({ grant, tool, effect, calls, completed, failed }) => [
              `${grant} ${tool} ${effect}`,
              [calls, completed, failed],
            ]),
          ),
        { timeout: 10_000 },
      )
      .toEqual(wanted);
  });

  test('the ndjson export holds the same events in the same order', async () => {
    const events = await tenant.events();
    const { body } = await tenant.api('GET', '/v1/audit/export?format=ndjson');
    const lines = String(body['text'])
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    expect(lines.slice(0, events.length)).toEqual(events);
    for (const { type } of lines.slice(events.length)) expect(['audit.read', 'audit.exported']).toContain(type);
  });

  test(
    'Ctrl-C ends it within 5 s also while a client’s stream is open, and a rebuild of usage gives ' + 'equal numbers',
    async () => {
      const serverId = await register(gitlab.url);
      const open = await connectWatched(await tenant.grant({ serverId }));
      const before = await usage();
      const ended = await toolgate.end('SIGINT');
      await open.client.close();
      expect(ended.code).toBe(0);
      expect(ended.afterMs).toBeLessThan(5000);
      const rebuilt = await runBuilt('rebuild', ['usage'], dataDir);
      expect([rebuilt.code, rebuilt.err]).toEqual([
        0,
        expect.stringMatching(/Rebuilt usage:\n +1 of 1 organizations, [1-9]\d* records/),
      ]);
      const port = new URL(toolgate.url).port;
      toolgate = await startBuilt(dataDir, { PORT: port });
      expect(await usage()).toEqual(before);
    },
    60_000,
  );
});
