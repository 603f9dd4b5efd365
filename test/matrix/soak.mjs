/**
 * Agents that call tools without a break while Toolgate and the servers behind it are started anew in turn, Toolgate
 * every second time after a SIGKILL. At the end: no session was lost that a client without Toolgate would have kept, no
 * call was left without an answer or an error, none failed without a restart, and each that Toolgate let through has
 * one outcome on record.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signUp, startGateway } from './gateway.mjs';
import { startServer } from './processes.mjs';

const AGENTS = 50;
const CALL_TIMEOUT_MS = 30_000;
const PAUSE_MS = 700;
/** Between the end of one restart and the next one. */
const REST_MS = 5000;
/** How long after a restart a call may fail for it: that long a call may have been under way. */
const AFTERMATH_MS = 3000;
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

/** When each part was down: from the beginning of its restart until a while after its end. */
const outages = () => {
  const all = [];
  return {
    during: async (part, work) => {
      const one = { part, from: Date.now(), to: Number.POSITIVE_INFINITY };
      all.push(one);
      await work();
      one.to = Date.now() + AFTERMATH_MS;
    },
    /** Whether one of these parts was down at some time from `from` to `to`. */
    touched: (parts, from, to) => all.some((one) => parts.includes(one.part) && one.from <= to && one.to >= from),
    count: () => all.length,
  };
};

class Agent {
  calls = { answered: 0, failed: 0 };
  sessions = { opened: 0, lost: 0 };
  faults = [];
  #client;
  #lastGoodAt = Date.now();

  constructor(name, { grant, kind, isModern, downs }) {
    Object.assign(this, { name, grant, kind, isModern, downs });
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
      this.#failed(error, began);
      if (isUnknown) await this.#lost();
    }
  }

  #call(name, args) {
    const options = { timeout: CALL_TIMEOUT_MS };
    const request = { name, arguments: args };
    return this.isModern ? this.#client.callTool(request, options) : this.#client.callTool(request, undefined, options);
  }

  #failed(error, began) {
    this.calls.failed += 1;
    const now = Date.now();
    if (now - began >= CALL_TIMEOUT_MS) this.#fault('no answer', error.message);
    else if (!this.downs.touched(['gateway', this.kind], began, now))
      this.#fault('failed without a restart', error.message);
  }

  /** A session that the server itself forgot by a restart is lost directly too. */
  async #lost() {
    this.sessions.lost += 1;
    const isServers = this.kind !== 'stdio' && this.downs.touched([this.kind], this.#lastGoodAt, Date.now());
    if (!isServers) this.#fault('a session was lost', this.kind);
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

const restartInTurn = async ({ gateway, servers, downs, isOver, say }) => {
  const parts = [
    ['gateway', () => gateway.restart()],
    ...servers.flatMap(({ kind, running }) => (running ? [[kind, () => running.restart()]] : [])),
    ['gateway', () => gateway.restart('SIGKILL')],
  ];
  for (let turn = 0; !isOver(); turn += 1) {
    await sleep(REST_MS);
    const [part, restart] = parts[turn % parts.length];
    const began = Date.now();
    await downs.during(part, restart);
    say(`   started ${part} anew in ${Math.round((Date.now() - began) / 100) / 10} s`);
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
      return { allowed: allowed.length, ok: completed.filter(({ status }) => status === 'ok').length, odd: odd.length };
  }
};

const sumOf = (agents, part, name) => agents.reduce((sum, agent) => sum + agent[part][name], 0);

/** Answers how many faults there were. */
export const soak = async (minutes, say) => {
  const gateway = await startGateway({ commands: [process.execPath], variables: [] });
  const servers = await startServers();
  const downs = outages();
  try {
    const organization = await signUp(gateway.port);
    const grants = new Map();
    for (const { kind, transport } of servers)
      grants.set(kind, await organization.grantFor(kind, transport, POLICY, AGENTS));
    const agents = Array.from({ length: AGENTS }, (_, index) => {
      const { kind } = servers[index % servers.length];
      const isModern = Math.floor(index / servers.length) % 2 === 1;
      return new Agent(`agent ${index}`, { kind, isModern, downs, grant: grants.get(kind)[index] });
    });
    const endsAt = Date.now() + minutes * 60_000;
    const isOver = () => Date.now() >= endsAt;
    await Promise.all([
      ...agents.map((agent) => agent.run(isOver)),
      restartInTurn({ gateway, servers, downs, isOver, say }),
    ]);
    const { allowed, ok, odd } = await recorded(organization);
    const [answered, failed] = ['answered', 'failed'].map((name) => sumOf(agents, 'calls', name));
    const [opened, lost] = ['opened', 'lost'].map((name) => sumOf(agents, 'sessions', name));
    const faults = agents.flatMap((agent) => agent.faults);
    if (odd > 0) faults.push(`${odd} calls on record without one outcome`);
    if (answered > ok) faults.push(`${answered} calls were answered, and ${ok} are on record as answered`);
    for (const fault of faults.slice(0, 20)) say(`   ${fault}`);
    say(`${AGENTS} agents in ${minutes} min, ${downs.count()} restarts: ${answered} calls answered, ${failed} failed`);
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
