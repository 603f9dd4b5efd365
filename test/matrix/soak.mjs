/**
 * Agents that call tools without a break while Toolgate and the servers behind it are started anew in turn, Toolgate
 * every second time after a SIGKILL. At the end: no session was lost that a client without Toolgate would have kept, no
 * call was left without an answer or an error, none failed without a restart, and each that Toolgate let through has
 * one outcome on record. `soak-judge.mjs` says what a client without Toolgate would have seen as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signUp, startGateway } from './gateway.mjs';
import { startServer } from './processes.mjs';
import { faultOf, faultsOfRecord, Outages } from './soak-judge.mjs';

const AGENTS = 50;
const CALL_TIMEOUT_MS = 30_000;
const PAUSE_MS = 700;
/** Between the end of one restart and the next one. */
const REST_MS = 5000;
const RECORDED_MS = 60_000;
const PROGRAM = fileURLToPath(new URL('servers/ts-v1.mjs', import.meta.url));
const POLICY = { version: '1', default: 'allow' };

const startServers = async () => {
  const program = (kind) => (port) => ({ command: process.execPath, args: [PROGRAM, kind, String(port)] });
  const [http, sse] = await Promise.all([startServer(program('http')), startServer(program('sse'))]);
  const urlOf = ({ port }, path) => `http://127.0.0.1:${port}${path}`;
  return [
    { kind: 'http', running: http, transport: { type: 'streamable-http', url: urlOf(http, '/mcp') } },
    { kind: 'sse', running: sse, transport: { type: 'sse', url: urlOf(sse, '/sse') } },
    { kind: 'stdio', transport: { type: 'stdio', command: process.execPath, args: [PROGRAM, 'stdio'], env: {} } },
  ];
};

class Agent {
  calls = { answered: 0, failed: 0 };
  sessions = { opened: 0, lost: 0 };
  faults = [];
  #client;
  #lastGoodAt = Date.now();

  constructor(name, { grant, kind, isModern, outages }) {
    Object.assign(this, { name, grant, kind, isModern, outages });
  }

  async run(isOver) {
    for (let count = 1; !isOver(); count += 1) {
      await this.#turn(count);
      await sleep(PAUSE_MS * (0.5 + Math.random()));
    }
    await this.#client?.close().catch(() => undefined);
  }

  async #turn(count) {
    const began = Date.now();
    let isUnknown = false;
    try {
      this.onStatus = (status) => (isUnknown ||= status === 404);
      this.#client ??= await this.#connect();
      const said = `${this.name} ${count}`;
      const [name, args, wanted] = count % 4 === 0 ? ['steps', {}, 'three steps'] : ['echo', { text: said }, said];
      const { content } = await this.#call(name, args);
      if (content?.[0]?.text === wanted) {
        this.calls.answered += 1;
        this.#lastGoodAt = Date.now();
      } else if (!String(content?.[0]?.text).endsWith('try again shortly')) this.#fault('another answer', content);
    } catch (error) {
      this.#failed(error, began, isUnknown);
      if (isUnknown) await this.#lost();
    }
  }

  #call(name, args) {
    const options = { timeout: CALL_TIMEOUT_MS };
    const request = { name, arguments: args };
    return this.isModern ? this.#client.callTool(request, options) : this.#client.callTool(request, undefined, options);
  }

  #failed(error, beganAt, unknown) {
    this.calls.failed += 1;
    const endedAt = Date.now();
    const { kind } = this;
    const timedOut = endedAt - beganAt >= CALL_TIMEOUT_MS;
    const seen = { kind, timedOut, unknown, beganAt, endedAt, lastGoodAt: this.#lastGoodAt };
    const fault = faultOf(seen, this.outages);
    if (fault) this.#fault(fault, error.message);
  }

  async #lost() {
    this.sessions.lost += 1;
    await this.#client?.close().catch(() => undefined);
    this.#client = undefined;
  }

  #fault(what, detail) {
    this.faults.push(`${this.name} at ${this.kind}: ${what}: ${JSON.stringify(detail)}`);
  }

  async #connect() {
    const requestInit = { headers: { authorization: `Bearer ${this.grant.token}` } };
    const watched = async (url, init) => {
      const response = await fetch(url, init);
      if (init?.method === 'POST') this.onStatus?.(response.status);
      return response;
    };
    const [Made, Transport, more] = this.isModern
      ? [ModernClient, ModernTransport, { versionNegotiation: { mode: 'auto' } }]
      : [Client, StreamableHTTPClientTransport, {}];
    const client = new Made({ name: this.name, version: '1.0.0' }, more);
    await client.connect(new Transport(new URL(this.grant.mcpUrl), { requestInit, fetch: watched }));
    this.sessions.opened += 1;
    return client;
  }
}

/** What is started anew, by the names that --restarts takes; servers always after a SIGKILL. */
const restartsOf = (gateway, servers) => [
  { name: 'gateway', part: 'gateway', killed: false, run: () => gateway.restart() },
  ...servers
    .filter(({ running }) => running)
    .map(({ kind, running }) => ({ name: kind, part: kind, killed: true, run: () => running.restart() })),
  { name: 'kill', part: 'gateway', killed: true, run: () => gateway.restart('SIGKILL') },
];

const restartInTurn = async ({ turns, outages, isOver, say }) => {
  for (let turn = 0; turns.length > 0 && !isOver(); turn += 1) {
    await sleep(REST_MS);
    const one = turns[turn % turns.length];
    const began = Date.now();
    await outages.during(one, one.run);
    say(`   started ${one.part} anew in ${Math.round((Date.now() - began) / 100) / 10} s`);
  }
};

/** The calls that Toolgate let through, and their outcomes, once all are on record. */
const recorded = async (organization) => {
  for (const until = Date.now() + RECORDED_MS; ; await sleep(1000)) {
    const decided = await organization.events('toolCall.decided');
    const completed = await organization.events('toolCall.completed');
    const outcomes = new Map();
    for (const { callId } of completed) outcomes.set(callId, (outcomes.get(callId) ?? 0) + 1);
    const allowed = decided.filter(({ effect }) => effect === 'allow');
    const odd = allowed.filter(({ callId }) => outcomes.get(callId) !== 1);
    if (odd.length === 0 || Date.now() > until)
      return {
        allowed: allowed.length,
        odd: odd.length,
        ok: completed.filter(({ status }) => status === 'ok').length,
        unknown: completed.filter(({ status }) => status === 'unknown').length,
      };
  }
};

const sumOf = (agents, part, name) => agents.reduce((sum, agent) => sum + agent[part][name], 0);

/** Answers how many faults there were. `kinds` are those of the servers, `restarts` what is started anew. */
export const soak = async (minutes, say, { kinds, restarts }) => {
  const gateway = await startGateway({ commands: [process.execPath], variables: [] });
  const servers = (await startServers()).filter(({ kind }) => kinds.includes(kind));
  const outages = new Outages();
  try {
    const organization = await signUp(gateway.port);
    const grants = new Map();
    for (const { kind, transport } of servers)
      grants.set(kind, await organization.grantFor(kind, transport, POLICY, AGENTS));
    const agents = Array.from({ length: AGENTS }, (_, index) => {
      const { kind } = servers[index % servers.length];
      const isModern = Math.floor(index / servers.length) % 2 === 1;
      return new Agent(`agent ${index}`, { kind, isModern, outages, grant: grants.get(kind)[index] });
    });
    const turns = restartsOf(gateway, servers).filter(({ name }) => restarts.includes(name));
    const endsAt = Date.now() + minutes * 60_000;
    const isOver = () => Date.now() >= endsAt;
    await Promise.all([...agents.map((agent) => agent.run(isOver)), restartInTurn({ turns, outages, isOver, say })]);
    const { allowed, ok, unknown, odd } = await recorded(organization);
    const [answered, failed] = ['answered', 'failed'].map((name) => sumOf(agents, 'calls', name));
    const [opened, lost] = ['opened', 'lost'].map((name) => sumOf(agents, 'sessions', name));
    const ofRecord = faultsOfRecord({ answered, ok, unknown, odd }, outages);
    const faults = [...agents.flatMap((agent) => agent.faults), ...ofRecord];
    for (const fault of faults.slice(0, 20)) say(`   ${fault}`);
    say(`${AGENTS} agents in ${minutes} min, ${outages.count} restarts: ${answered} calls answered, ${failed} failed`);
    say(`${opened} sessions opened, ${lost} lost; ${allowed} calls on record, ${odd} without one outcome`);
    say(`${faults.length} faults`);
    return faults.length;
  } catch (error) {
    say(`The last words of Toolgate:\n${gateway.output().slice(-4000)}`);
    throw error;
  } finally {
    await gateway.stop();
    await Promise.all(servers.map(({ running }) => running?.stop()));
  }
};
