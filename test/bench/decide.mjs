/**
 * `npm run bench -- decide`: what one decision costs by itself, warm, as time and as a ratio to JSON.parse of the same
 * body in the same run, with the budget (design.md, "Performance budget"): the running example, a policy of 100 tools
 * with 10 conditions each, and a shadow policy beside a live one. Rounds are interleaved; the figures are medians over
 * them.
 */
import { pathToFileURL } from 'node:url';
import { atMost, median, textTable } from './report.mjs';

const ROUNDS = 31;
const PER_ROUND = 20_000;
const TOOLS = 100;

const example = {
  version: '1',
  default: 'deny',
  tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
};

/** Ten conditions that a call must pass one by one, of every usual kind. */
const entryWithConditions = (n) => ({
  require: [
    { path: 'args.project_id', op: 'starts_with', value: `group-${n}/` },
    { path: 'args.job_id', op: 'matches', value: '^[0-9]{1,12}$' },
    { path: 'args.ref', op: 'in', value: ['develop', 'staging', `feature-${n}`] },
    { path: 'args.labels[*]', op: 'in', value: ['bug', 'chore', 'feature'] },
    { path: 'args.reason', op: 'length_lte', value: 500 },
    { path: 'args.retries', op: 'lte', value: 5 },
    { path: 'identity.kind', op: 'eq', value: 'agent' },
    { path: 'request.ip', op: 'cidr', value: '10.0.0.0/8' },
  ],
  deny_if: [
    { path: 'args.force', op: 'eq', value: true },
    { path: 'args.reason', op: 'contains', value: 'production' },
  ],
});

const toolName = (n) => `tool_number_${n}`;
const large = {
  version: '1',
  default: 'deny',
  tools: Object.fromEntries(Array.from({ length: TOOLS }, (_, n) => [toolName(n), entryWithConditions(n)])),
};

const bodyOf = (name, given) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: given } });
const exampleBodies = Array.from({ length: TOOLS }, (_, n) =>
  bodyOf('cancel_job', {
    project_id: `group/project-${n}`,
    job_id: String(1_234_567_000 + n),
    force: false,
    reason: 'x'.repeat(92),
  }),
);
const largeBodies = Array.from({ length: TOOLS }, (_, n) =>
  bodyOf(toolName(n), {
    project_id: `group-${n}/project`,
    job_id: String(1_234_567_000 + n),
    ref: `feature-${n}`,
    labels: ['bug', 'chore'],
    retries: 3,
    force: false,
    reason: 'the job waits for a runner that is gone',
  }),
);

const who = {
  grant: { id: 'grt_01h2xcejqtf2nbrexx3vqjhp41', organizationId: 'org_01h2xcejqtf2nbrexx3vqjhp41' },
  server: { id: 'srv_01h2xcejqtf2nbrexx3vqjhp41', tools: new Map() },
  identity: { id: 'idn_01h2xcejqtf2nbrexx3vqjhp41', name: 'deploy-bot', kind: 'agent', attributes: {} },
};

/** A call as enforcement gets it, its body read. */
const callOf = (body) => {
  const { name, arguments: given } = JSON.parse(body).params;
  return {
    who,
    method: 'tools/call',
    tool: name,
    arguments: given,
    requestId: 1,
    sessionId: 'session',
    protocolVersion: '2025-06-18',
    traceId: null,
    sourceIp: '10.1.2.3',
    client: { name: 'bench' },
  };
};

const load = async (dist) => {
  const from = (path) => import(pathToFileURL(`${dist}/${path}`).href);
  const [{ parsePolicy }, { compilePolicy }, { decide }, { CallFacts }, { shadowOf }] = await Promise.all([
    from('policy-engine/parse.js'),
    from('policy-engine/compile.js'),
    from('policy-engine/decide.js'),
    from('data-plane/enforcement/call-facts.js'),
    from('data-plane/enforcement/shadow.js'),
  ]);
  const compiled = (document) => {
    const parsed = parsePolicy(document);
    if (!parsed.ok) throw new Error(`the bench's policy is refused: ${JSON.stringify(parsed)}`);
    return compilePolicy(parsed.document);
  };
  return { compiled, decide, CallFacts, shadowOf };
};

let sink = 0;

/**
 * Microseconds of CPU for one of many turns over the inputs: what others do on this machine meanwhile counts less than
 * by the clock.
 */
const timed = (inputs, work) => {
  const before = process.cpuUsage();
  for (let done = 0; done < PER_ROUND;)
    for (let at = 0; at < inputs.length; at += 1, done += 1) sink += work(inputs[at]);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PER_ROUND;
};

const tasksOf = ({ compiled, decide, CallFacts, shadowOf }) => {
  const at = Date.now();
  const deciding = (policy) => (call) => decide(policy, new CallFacts(call, at)).effect.length;
  const besides = (policy, shadow) => (call) => {
    const facts = new CallFacts(call, at);
    const { effect } = decide(policy, facts);
    return shadowOf(shadow, facts, effect) === undefined ? effect.length : 0;
  };
  const parsing = (body) => JSON.parse(body).id;
  const [small, big] = [compiled(example), compiled(large)];
  // One that answers alike from rules of its own, as a draft mostly does.
  const shadow = { id: 'pol', version: 1, compiled: compiled(large), pins: undefined };
  const both = (one, other) => (call) =>
    decide(one, new CallFacts(call, at)).effect.length + decide(other, new CallFacts(call, at)).effect.length;
  const allowed = (calls, policy) => calls.every((call) => decide(policy, new CallFacts(call, at)).effect === 'allow');
  const [exampleCalls, largeCalls] = [exampleBodies.map(callOf), largeBodies.map(callOf)];
  if (!allowed(exampleCalls, small) || !allowed(largeCalls, big))
    throw new Error('the bench measures calls that are allowed');
  return {
    'running example: decide': [exampleCalls, deciding(small)],
    'running example: JSON.parse': [exampleBodies, parsing],
    '100 tools, 10 conditions: decide': [largeCalls, deciding(big)],
    '100 tools, 10 conditions: JSON.parse': [largeBodies, parsing],
    '100 tools, 10 conditions: decide under two policies': [largeCalls, both(big, shadow.compiled)],
    '100 tools, 10 conditions: decide, with a shadow': [largeCalls, besides(big, shadow)],
  };
};

/**
 * Median times in microseconds by task, and the median over the rounds of what a shadow adds to the decision, as a
 * ratio to what a decision under that policy adds in the same round when it stands by itself: two policies need twice
 * the memory, and so more than twice the time, whichever way they are asked.
 */
export const measureDecisions = async (dist) => {
  const tasks = Object.entries(tasksOf(await load(dist)));
  const times = Object.fromEntries(tasks.map(([name]) => [name, []]));
  for (let round = -2; round < ROUNDS; round += 1)
    for (const [name, [inputs, work]] of round % 2 === 0 ? tasks : tasks.toReversed()) {
      const micros = timed(inputs, work);
      if (round >= 0) times[name].push(micros);
    }
  const [alone, two, shadowed] = ['decide', 'decide under two policies', 'decide, with a shadow'].map(
    (name) => times[`100 tools, 10 conditions: ${name}`],
  );
  const shadowRatio = median(shadowed.map((time, round) => (time - alone[round]) / (two[round] - alone[round])));
  return {
    micros: Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)])),
    shadowRatio,
    sink,
  };
};

export const judgeDecisions = ({ micros, shadowRatio }) => [
  atMost('decision alone, the running example', micros['running example: decide'], 2.5, 'µs'),
  atMost('decision alone, 100 tools with 10 conditions each', micros['100 tools, 10 conditions: decide'], 8, 'µs'),
  // The two runs of one decision differ by a few percent.
  atMost('what a shadow policy adds, to its own decision', shadowRatio, 1.1, '×'),
];

export const decisionsText = ({ micros }) => {
  const row = (name) => {
    const [decide, parse] = [micros[`${name}: decide`], micros[`${name}: JSON.parse`]];
    return [name, decide.toFixed(2), parse.toFixed(2), (decide / parse).toFixed(2)];
  };
  return textTable(
    [['decision', 'µs', 'JSON.parse µs', 'to JSON.parse'], row('running example'), row('100 tools, 10 conditions')],
    1,
  );
};
