/** What is measured, started once: PostgreSQL, the upstream, the relay, and Toolgate's processes with an organization, a server and grants in them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { pin, start } from './processes.mjs';

const LIMITED = { version: '1', default: 'deny', tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 1_000_000_000, scope: 'grant' }] } } };
const UNLIMITED = { version: '1', default: 'deny', tools: { cancel_job: { action: 'allow' } } };

const post = async (url, body, headers = {}) => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text), session: response.headers.get('mcp-session-id') };
};

const create = async (url, body, token) => {
  const made = await post(url, body, token ? { authorization: `Bearer ${token}` } : {});
  if (made.status !== 201) throw new Error(`POST ${new URL(url).pathname} answered ${made.status}: ${JSON.stringify(made.body)}`);
  return made.body;
};

/** One organization with two grants of one server, made through the API. */
const populate = async (port, upstreamPort) => {
  const api = `http://127.0.0.1:${port}/v1`;
  const { token } = await create(`${api}/signup`, { email: 'bench@example.com', password: 'correct horse battery', organizationName: 'Bench' });
  const server = await create(`${api}/servers`, { name: 'Bench', transport: { type: 'streamable-http', url: `http://127.0.0.1:${upstreamPort}/mcp` } }, token);
  const identity = await create(`${api}/identities`, { name: 'agent', kind: 'agent' }, token);
  const grantUnder = async (document) => {
    const policy = await create(`${api}/servers/${server.id}/policies`, { name: 'policy', document }, token);
    return create(`${api}/grants`, { identityId: identity.id, serverId: server.id, policyId: policy.id }, token);
  };
  return { path: `/mcp/${server.id}`, unlimited: await grantUnder(UNLIMITED), limited: await grantUnder(LIMITED) };
};

const INITIALIZE = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } };

/** A session of this grant on this gateway, as a target of the load generator. The gateway may not know the grant for a moment. */
const openTarget = async (port, path, grant) => {
  const authorization = `Bearer ${grant.token}`;
  for (let attempt = 0; ; attempt += 1) {
    const { status, session } = await post(`http://127.0.0.1:${port}${path}`, INITIALIZE, { authorization });
    if (status === 200 && session) return { port, path, headers: { authorization, 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' } };
    if (attempt === 50) throw new Error(`initialize answered ${status}`);
    await sleep(100);
  }
};

const databaseIn = async (url, name) => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`create database ${name}`).finally(() => client.end());
  return url.replace(/\/[^/]*$/, `/${name}`);
};

/** Records appended and recorded so far, in this database's own log and audit log. */
const progressOf = (client) => async () => {
  const { rows } = await client.query(
    `select (select coalesce(sum(next), 0)::float from log_heads) as appended, (select coalesce(sum(next_seq - 1), 0)::float from audit_heads) as recorded`,
  );
  return rows[0];
};

/** The processes of one database: `api,projector` in one, each gateway in one of its own. */
const startToolgates = async ({ url, upstreamPort, dist, env, gateways }) => {
  const shared = { DATABASE_URL: url, MASTER_KEY: Buffer.alloc(32, 7).toString('base64'), UPSTREAM_ALLOW: '127.0.0.0/8', PORT: '0', ...env };
  const writer = await start('toolgate.mjs', { args: [dist, 'on'], env: { ...shared, ROLES: 'api,projector' } });
  const made = await populate(writer.ready.port, upstreamPort);
  const started = {};
  for (const [name, { logIs, build = dist }] of Object.entries(gateways)) {
    const gateway = await start('toolgate.mjs', { args: [build, logIs], env: { ...shared, ROLES: 'gateway' }, where: 'gateway' });
    const { port } = gateway.ready;
    started[name] = { process: gateway, unlimited: await openTarget(port, made.path, made.unlimited), limited: await openTarget(port, made.path, made.limited) };
  }
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return { writer, gateways: started, progress: progressOf(client), close: () => client.end() };
};

/** Starts everything. `against`: another build whose gateways are measured in the same rounds. */
export const startWorld = async ({ dist, dataDir, against, kafka }) => {
  const { startEmbeddedPostgres } = await import(pathToFileURL(`${dist}/embedded-postgres/embedded-postgres.js`).href);
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { max_connections: '200' } });
  pin(postgres.pid, 'rest');
  const upstream = await start('upstream.mjs', { where: 'load' });
  const upstreamPort = upstream.ready.port;
  const load = await start('load.mjs', { where: 'load' });
  const relay = await start('relay.mjs', { args: [String(upstreamPort)], where: 'gateway' });
  const gateways = { bare: { logIs: 'off' }, logged: { logIs: 'on' }, ...(against ? { otherBare: { logIs: 'off', build: against }, otherLogged: { logIs: 'on', build: against } } : {}) };
  const inPostgres = await startToolgates({ url: await databaseIn(postgres.url, 'bench_postgres'), upstreamPort, dist, env: {}, gateways });
  const inKafka = kafka
    ? await startToolgates({ url: await databaseIn(postgres.url, 'bench_kafka'), upstreamPort, dist, env: { KAFKA_BROKERS: kafka }, gateways: { kafka: { logIs: 'on' } } })
    : undefined;
  return {
    postgres,
    upstream,
    load,
    relay,
    direct: { port: upstreamPort, path: '/mcp', headers: { 'mcp-session-id': 'bench-session', 'mcp-protocol-version': '2025-06-18' } },
    inPostgres,
    inKafka,
    close: async () => {
      await inPostgres.close();
      await inKafka?.close();
      const toolgates = [inPostgres, ...(inKafka ? [inKafka] : [])].flatMap((world) => [world.writer, ...Object.values(world.gateways).map((gateway) => gateway.process)]);
      await Promise.all(toolgates.map((one) => one.end()));
      await Promise.all([upstream, load, relay].map((one) => one.end()));
      await postgres.stop();
    },
  };
};
