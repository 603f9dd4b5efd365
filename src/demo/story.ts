import { setTimeout as sleep } from 'node:timers/promises';
import { connectAgent, makeRest, type Agent, type CallAnswer, type Rest } from './client.js';
import { CANCEL_TOOL } from './gitlab-server.js';
import { clipped, masked, type Screen } from './screen.js';

type Grant = Readonly<{ id: string; token: string; mcpUrl: string }>;

/** What the story is played with; `allowed` and `refused` count what the agents saw. */
export type Stage = Readonly<{
  screen: Screen;
  rest: Rest;
  policyId: string;
  grants: Readonly<{ release: Grant; night: Grant }>;
  seen: { allowed: number; refused: number; jobs: string[] };
}>;

const PROJECT = '42';

/** One tool, ten times a minute for each grant, and nothing else. */
export const POLICY = {
  version: '1',
  default: 'deny',
  tools: { [CANCEL_TOOL]: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
};

const FREEZE = {
  version: '1',
  default: 'deny',
  tools: { [CANCEL_TOOL]: { action: 'deny', reason: 'Deploy freeze: let the jobs finish' }, list_issues: {} },
};

const signUp = async (screen: Screen, toolgateUrl: string): Promise<Rest> => {
  const signedUp = await makeRest(toolgateUrl)('POST', '/v1/signup', {
    email: 'demo@example.com',
    password: 'a password for the demo',
    organizationName: 'Demo',
  });
  screen.row(['POST /v1/signup', 'organization Demo']);
  return makeRest(toolgateUrl, String(signedUp['token']));
};

/** Registers an agent and issues it a grant. */
const issue = async (
  screen: Screen,
  rest: Rest,
  name: string,
  governed: Readonly<{ serverId: unknown; policyId: unknown }>,
): Promise<Grant> => {
  const identity = await rest('POST', '/v1/identities', { name, kind: 'agent' });
  const grant = (await rest('POST', '/v1/grants', { identityId: identity['id'], ...governed })) as unknown as Grant;
  screen.row(['POST /v1/grants', `${name}: ${masked(grant.token)} for ${grant.mcpUrl}`]);
  return grant;
};

/**
 * Signs up, registers the server with its credential, publishes the policy and issues a grant to each of two agents,
 * all by REST.
 */
export const prepare = async (
  screen: Screen,
  toolgateUrl: string,
  gitlab: Readonly<{ url: string; token: string }>,
): Promise<Stage> => {
  const rest = await signUp(screen, toolgateUrl);
  const server = await rest('POST', '/v1/servers', {
    name: 'GitLab',
    transport: { type: 'streamable-http', url: gitlab.url },
    auth: { type: 'headers', headers: { Authorization: `Bearer ${gitlab.token}` } },
  });
  screen.row([
    'POST /v1/servers',
    `GitLab, ${String(server['status'])}, ${String(server['toolCount'])} tools; its token ${masked(gitlab.token)} ` +
      'stays here, encrypted',
  ]);
  const policy = await rest('POST', `/v1/servers/${String(server['id'])}/policies`, {
    name: 'Cancel jobs, ten a minute',
    document: POLICY,
  });
  screen.row(['POST …/policies', JSON.stringify(POLICY)]);
  const governed = { serverId: server['id'], policyId: policy['id'] };
  screen.check('the server is ready', server['status'] === 'ready');
  return {
    screen,
    rest,
    policyId: String(policy['id']),
    grants: {
      release: await issue(screen, rest, 'release-agent', governed),
      night: await issue(screen, rest, 'night-agent', governed),
    },
    seen: { allowed: 0, refused: 0, jobs: [] },
  };
};

const describe = (
  answer: CallAnswer,
): Readonly<{ decision: string; text: string; style: 'green' | 'red' | 'yellow' }> => {
  switch (answer.kind) {
    case 'done':
      return { decision: 'allowed', text: answer.text.split('\n')[0] ?? '', style: 'green' };
    case 'refused':
      return { decision: answer.code, text: `${answer.text}   (${answer.rule})`, style: 'red' };
    case 'turned-away':
      return { decision: `HTTP ${answer.status}`, text: 'the token is not good any more', style: 'yellow' };
  }
};

const call = async (
  { screen, seen }: Stage,
  agent: Agent,
  tool: string,
  args: Readonly<Record<string, string>>,
): Promise<CallAnswer> => {
  const answer = await agent.call(tool, { project_id: PROJECT, ...args });
  if (answer.kind === 'done') seen.allowed += 1;
  if (answer.kind === 'done' && args['job_id'] !== undefined) seen.jobs.push(args['job_id']);
  if (answer.kind === 'refused') seen.refused += 1;
  const { decision, text, style } = describe(answer);
  screen.row([agent.name, `${tool} ${args['job_id'] ?? ''}`, decision, clipped(text, 120)], style);
  return answer;
};

const cancel = (stage: Stage, agent: Agent, job: number): Promise<CallAnswer> =>
  call(stage, agent, CANCEL_TOOL, { job_id: String(job) });

const MINUTE_MS = 60_000;
const BURST_NEEDS_MS = 20_000;
const TELL_EVERY_MS = 2000;

/** A limit counts by the minute of the clock: begin where the calls that follow fit into one. */
const awaitRoomInTheMinute = async (screen: Screen): Promise<void> => {
  const left = (): number => MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left() >= BURST_NEEDS_MS) return;
  screen.line('The limit counts by the minute of the clock, and this one is nearly over.');
  while (left() < BURST_NEEDS_MS) {
    screen.line(`… beginning in ${Math.ceil(left() / 1000)} s`);
    await sleep(Math.min(TELL_EVERY_MS, left() + 1));
  }
};

const isLimited = (answer: CallAnswer): boolean =>
  answer.kind === 'refused' &&
  answer.code === 'rate_limited' &&
  answer.rule === `/tools/${CANCEL_TOOL}/limits/0` &&
  (answer.retryAfterSeconds ?? 0) >= 1 &&
  new RegExp(`^\\[POLICY DENIED\\] ${CANCEL_TOOL}: 10 per minute used up; try again in \\d+ s$`).test(answer.text);

const tenAndOneMore = async (stage: Stage, agent: Agent, firstJob: number): Promise<void> => {
  const answers: CallAnswer[] = [];
  for (let n = 0; n < 11; n += 1) answers.push(await cancel(stage, agent, firstJob + n));
  stage.screen.check(
    `${agent.name}: ten calls pass`,
    answers.slice(0, 10).every(({ kind }) => kind === 'done'),
  );
  stage.screen.check(
    `${agent.name}: the eleventh is refused, with the rule and the seconds to wait`,
    answers.slice(10).every(isLimited),
  );
};

const tableOfCalls = (screen: Screen): void => {
  screen.widths([13, 23, 14]);
  screen.row(['agent', 'call', 'decision', 'what the agent reads'], 'dim');
};

/**
 * The list names one tool; ten calls of it pass in a minute, the eleventh and every other tool are refused; each grant
 * has its own ten.
 */
export const playLimits = async (stage: Stage, release: Agent, night: Agent): Promise<void> => {
  const { screen } = stage;
  const tools = await release.tools();
  screen.line(`tools/list: ${tools.join(', ')}`);
  screen.check(`of all the server's tools, the agent sees ${CANCEL_TOOL} alone`, tools.join() === CANCEL_TOOL);
  await awaitRoomInTheMinute(screen);
  tableOfCalls(screen);
  await tenAndOneMore(stage, release, 101);
  const unlisted = await call(stage, release, 'list_issues', {});
  screen.check('list_issues is refused by /default', unlisted.kind === 'refused' && unlisted.rule === '/default');
  await tenAndOneMore(stage, night, 201);
};

/** A new policy version, a rotated token and a revoked grant each govern the next call. */
export const playChanges = async (stage: Stage, release: Agent, night: Agent): Promise<void> => {
  const { screen, rest, policyId, grants } = stage;
  tableOfCalls(screen);
  await rest('PUT', `/v1/policies/${policyId}`, { document: FREEZE }, { 'if-match': '"1"' });
  screen.line('PUT /v1/policies/…: version 2 denies cancelling, with a reason, and allows list_issues');
  const frozen = await cancel(stage, release, 112);
  const issues = await call(stage, release, 'list_issues', {});
  screen.check(
    'the next calls follow version 2',
    frozen.kind === 'refused' && frozen.text.includes('Deploy freeze') && issues.kind === 'done',
  );
  const rotated = await rest('POST', `/v1/grants/${grants.release.id}/rotate`, {});
  const token = String(rotated['token']);
  screen.line(`POST /v1/grants/…/rotate: release-agent's next token is ${masked(token)}`);
  const old = await call(stage, release, 'list_issues', {});
  const renewed = await connectAgent('release-agent', { mcpUrl: grants.release.mcpUrl, token });
  const fresh = await call(stage, renewed, 'list_issues', {}).finally(() => renewed.close());
  screen.check('the old token is turned away, the new one works', old.kind === 'turned-away' && fresh.kind === 'done');
  await rest('POST', `/v1/grants/${grants.night.id}/revoke`);
  screen.line("POST /v1/grants/…/revoke: night-agent's grant");
  const revoked = await call(stage, night, 'list_issues', {});
  screen.check('the revoked grant is turned away', revoked.kind === 'turned-away');
};
