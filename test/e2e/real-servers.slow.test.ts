import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGitLabApi, type GitLabApi } from '../../src/demo/gitlab-api.js';
import { CANCEL_TOOL, startGitLabServer } from '../../src/demo/gitlab-server.js';
import { connect, decisionOf, signUp, textOf, type Tenant } from '../support/tenant.js';
import { removeDataFolder, startBuilt, temporaryDataFolder, type BuiltToolgate } from './built-toolgate.js';

type Json = Record<string, unknown>;
/** How a server is registered: `POST /v1/servers` but its name. */
type Registration = Readonly<{ transport: Json; auth?: Json }>;

const CREDENTIAL = 'glpat-real-servers-credential';
const SSE_TOKEN = 'sse-token-0123456789';
const require = createRequire(import.meta.url);
const packageFolder = (name: string): string => dirname(require.resolve(`${name}/package.json`));
const gitlabScript = join(packageFolder('@zereight/mcp-gitlab'), 'build', 'index.js');
const everythingScript = join(packageFolder('@modelcontextprotocol/server-everything'), 'dist', 'index.js');
const loopbackOnly = fileURLToPath(new URL('../support/loopback-only.mjs', import.meta.url));

let dataDir: string;
let toolgate: BuiltToolgate;
let api: GitLabApi;
let tenant: Tenant;
const stops: (() => unknown)[] = [];

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const isUp = (port: number, path: string): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1000) }).then(
    async (response) => (await response.body?.cancel(), true),
    () => false,
  );

/** Runs a server that listens, until the tests are over; resolves when it answers HTTP. */
const serve = async (
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> => {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, ['--import', loopbackOnly, script, ...args], {
    env: { ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  stops.push(() => child.kill('SIGKILL'));
  for (const end = Date.now() + 30_000; !(await isUp(port, '/')); await sleep(50))
    if (Date.now() > end || child.exitCode !== null) throw new Error(`${script} did not come up`);
  return port;
};

const gitlabEnv = (): Record<string, string> => ({
  GITLAB_API_URL: api.url,
  GITLAB_TOOLS: CANCEL_TOOL,
  GITLAB_DISABLE_VERSION_CHECK: 'true',
});

const registrations: Readonly<Record<string, () => Promise<Registration>>> = {
  'gitlab over streamable-http': async () => {
    const gitlab = await startGitLabServer(api.url);
    stops.push(gitlab.close);
    return {
      transport: { type: 'streamable-http', url: gitlab.url },
      auth: { type: 'headers', headers: { Authorization: `Bearer ${CREDENTIAL}` } },
    };
  },
  'gitlab over sse': async () => {
    const port = await serve(gitlabScript, [], {
      ...gitlabEnv(),
      SSE: 'true',
      SSE_AUTH_TOKEN: SSE_TOKEN,
      GITLAB_PERSONAL_ACCESS_TOKEN: CREDENTIAL,
      HOST: '127.0.0.1',
    });
    return {
      transport: { type: 'sse', url: `http://127.0.0.1:${port}/sse` },
      auth: { type: 'headers', headers: { Authorization: `Bearer ${SSE_TOKEN}` } },
    };
  },
  'gitlab over stdio': async () => ({
    transport: {
      type: 'stdio',
      command: process.execPath,
      args: [gitlabScript],
      env: { ...gitlabEnv(), GITLAB_PERSONAL_ACCESS_TOKEN: CREDENTIAL },
    },
  }),
  'everything over streamable-http': async () => ({
    transport: {
      type: 'streamable-http',
      url: `http://127.0.0.1:${await serve(everythingScript, ['streamableHttp'], {})}/mcp`,
    },
  }),
  'everything over sse': async () => ({
    transport: { type: 'sse', url: `http://127.0.0.1:${await serve(everythingScript, ['sse'], {})}/sse` },
  }),
  'everything over stdio': async () => ({
    transport: { type: 'stdio', command: process.execPath, args: [everythingScript, 'stdio'], env: {} },
  }),
};

beforeAll(async () => {
  dataDir = await temporaryDataFolder();
  [api, toolgate] = await Promise.all([
    startGitLabApi(CREDENTIAL),
    startBuilt(dataDir, { ALLOW_STDIO: process.execPath }),
  ]);
  tenant = await signUp(toolgate.url);
}, 120_000);
afterAll(async () => {
  await toolgate?.killGroup().catch(() => undefined);
  for (const stop of stops) await stop();
  await api?.close();
  await removeDataFolder(dataDir);
});

const tools = {
  gitlab: { allowed: CANCEL_TOOL, args: { project_id: '7', job_id: '4711' } },
  everything: { allowed: 'echo', args: { message: 'through every transport' } },
} as const;

describe.each(Object.keys(registrations))('%s', (name) => {
  const { allowed, args } = name.startsWith('gitlab') ? tools.gitlab : tools.everything;

  test(
    'is discovered, lists what the policy shows, runs what it allows, refuses the rest with its ' +
      'reason, and all of it is on record',
    async () => {
      const registration = await (registrations[name] as () => Promise<Registration>)();
      const registered = await tenant.api('POST', '/v1/servers', { name, ...registration });
      expect(registered.body).toMatchObject({ status: 'ready' });
      const serverId = registered.body['id'] as string;
      const policyId = await tenant.policy(serverId, {
        version: '1',
        default: 'deny',
        tools: { [allowed]: { limits: [{ counter: 'two', window: 'month', max: 2 }] } },
      });
      const grant = await tenant.grant({ serverId, policyId });
      const client = await connect(grant);
      expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual([allowed]);
      const answers = [];
      for (let n = 0; n < 3; n += 1) answers.push(await client.callTool({ name: allowed, arguments: args }));
      expect(answers.map((answer) => answer['isError'] ?? false)).toEqual([false, false, true]);
      expect(decisionOf(answers[2])).toMatchObject({ code: 'rate_limited', rule: `/tools/${allowed}/limits/0` });
      expect(decisionOf(await client.callTool({ name: 'unlisted_tool', arguments: {} }))).toMatchObject({
        code: 'not_listed',
        rule: '/default',
      });
      if (name.startsWith('everything')) expect(textOf(answers[0])).toContain(tools.everything.args.message);
      await client.close();
      const ofGrant = `&grantId=${grant.id}`;
      const recorded = async (type: string, key: string) =>
        (await tenant.events(`&type=${type}${ofGrant}`)).map((event) => event[key]);
      await expect.poll(() => recorded('toolCall.completed', 'status'), { timeout: 10_000 }).toEqual(['ok', 'ok']);
      await expect
        .poll(() => recorded('toolCall.decided', 'code'), { timeout: 10_000 })
        .toEqual(['allowed', 'allowed', 'rate_limited', 'not_listed']);
    },
    60_000,
  );
});

test('GitLab cancelled the job once for each allowed call, and no secret is in the record', async () => {
  expect(api.cancelledJobs()).toEqual(Array.from({ length: 6 }, () => tools.gitlab.args.job_id));
  const record = JSON.stringify(await tenant.events());
  for (const secret of [CREDENTIAL, SSE_TOKEN]) expect(record).not.toContain(secret);
});
