/**
 * What is measured, started once: PostgreSQL, the upstream, the relay, and Toolgate's processes with an organization, a
 * server and grants in them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { callText, headersOf } from './messages.mjs';
import { pin, start } from './processes.mjs';

const LIMITED = {
  version: '1',
  default: 'deny',
  tools: {
    cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 1_000_000_000, scope: 'grant' }] },
  },
};
const UNLIMITED = { version: '1', default: 'deny', tools: { cancel_job: { action: 'allow' } } };

const post = async (url, body, headers = {}) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? {} : JSON.parse(text),
    session: response.headers.get('mcp-session-id'),
  };
};

const create = async (url, body, token) => {
  const made = await post(url, body, token ? { authorization: `Bearer ${token}` } : {});
  if (made.status !== 201)
    throw new Error(`POST ${new URL(url).pathname} answered ${made.status}: ${JSON.stringify(made.body)}`);
  return made.body;
};

/** One organization with a server of each era, and two grants of each; made through the API. */
const populate = async (port, upstreamPorts) => {
  const api = `http://127.0.0.1:${port}/v1`;
  const { token } = await create(`${api}/signup`, {
    email: 'bench@example.com',
    password: 'correct horse battery',
    organizationName: 'Bench',
  });
  const identity = await create(`${api}/identities`, { name: 'agent', kind: 'agent' }, token);
  const serverOf = async (era) => {
    const server = await create(
      `${api}/servers`,
      { name: era, transport: { type: 'streamable-http', url: `http://127.0.0.1:${upstreamPorts[era]}/mcp` } },
      token,
    );
    const grantUnder = async (document) => {
      const policy = await create(`${api}/servers/${server.id}/policies`, { name: 'policy', document }, token);
      return create(`${api}/grants`, { identityId: identity.id, serverId: server.id, policyId: policy.id }, token);
    };
    return {
      era,
      path: `/mcp/${server.id}`,
      unlimited: await grantUnder(UNLIMITED),
      limited: await grantUnder(LIMITED),
    };
  };
  return { legacy: await serverOf('legacy'), modern: await serverOf('modern') };
};

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
};

/**
 * A session of this grant on this gateway, or what a modern client sends instead, as a target of the load generator;
 * undefined for an older build that serves no modern client. The gateway may not know the grant for a moment.
 */
const openTarget = async (port, { era, path }, grant) => {
  const headers = { ...headersOf[era], authorization: `Bearer ${grant.token}` };
  for (let attempt = 0; ; attempt += 1) {
    const first =
      era === 'legacy'
        ? await post(`http://127.0.0.1:${port}${path}`, INITIALIZE, { authorization: headers.authorization })
        : await post(`http://127.0.0.1:${port}${path}`, JSON.parse(callText.modern), headers);
    if (first.status === 200 && era === 'modern' && first.body.result?.isError !== true)
      return { port, path, era, headers };
    if (first.status === 200 && first.session)
      return { port, path, era, headers: { ...headers, 'mcp-session-id': first.session } };
    if (first.status === 400 && era === 'modern') return undefined;
    if (attempt === 50)
      throw new Error(
        `the first request of a ${era} client was answered ${first.status}: ${JSON.stringify(first.body)}`,
      );
    await sleep(100);
  }
};

const databaseIn = async (url, name) => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`create database ${name}`).finally(() => client.end());
  return url.replace(/\/[^/]*$/, `/${name}`);
};

/**
 * Records appended to the log, recorded in the audit log, and counted in usage, so far. `ends` asks a log that is
 * elsewhere.
 */
const progressOf = (client, ends) => async () => {
  const { rows } = await client.query(
    `select (select coalesce(sum(next), 0)::float from log_heads) as appended, (select coalesce(sum(next_seq - 1),
      0)::float from audit_heads) as recorded,
       (select coalesce(sum(next_seq - 1), 0)::float from projection_positions where projection = 'usage') as counted`,
  );
  return ends ? { ...rows[0], appended: await ends() } : rows[0];
};

/** Where Kafka's topics end, summed up. */
const endsIn = async (brokers) => {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const ends = async () =>
    (await Promise.all(['toolgate.decisions', 'toolgate.control'].map((topic) => admin.fetchTopicOffsets(topic))))
      .flat()
      .reduce((sum, { high }) => sum + Number(high), 0);
  return { ends, close: () => admin.disconnect() };
};

/**
 * The processes of one database: the API while the organization is made, the projector, and gateways, each in a process
 * of its own.
 */
const startToolgates = async ({ url, upstreamPorts, dist, kafka, gateways }) => {
  const shared = {
    DATABASE_URL: url,
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    UPSTREAM_ALLOW: '127.0.0.0/8',
    PORT: '0',
    ...(kafka ? { KAFKA_BROKERS: kafka.brokers } : {}),
  };
  const startOne = (role, logIs = 'on', where = 'rest') =>
    start('toolgate.mjs', { args: [dist, logIs], env: { ...shared, ROLES: role }, where });
  const api = await startOne('api');
  const projector = await startOne('projector');
  const made = await populate(api.ready.port, upstreamPorts);
  const started = {};
  for (const [name, { logIs }] of Object.entries(gateways)) {
    const gateway = await startOne('gateway', logIs, 'gateway');
    const open = (era, grant) => openTarget(gateway.ready.port, made[era], made[era][grant]);
    started[name] = {
      process: gateway,
      unlimited: await open('legacy', 'unlimited'),
      limited: await open('legacy', 'limited'),
      modern: await open('modern', 'unlimited'),
      modernLimited: await open('modern', 'limited'),
    };
  }
  await api.end();
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  const elsewhere = kafka && (await endsIn(kafka.brokers));
  const close = async () => {
    await client.end();
    await elsewhere?.close();
    await Promise.all([projector, ...Object.values(started).map((gateway) => gateway.process)].map((one) => one.end()));
  };
  return { projector, gateways: started, progress: progressOf(client, elsewhere?.ends), close };
};

/**
 * Starts everything. `against`: another build whose gateways are measured in the same rounds; `kafka`: what `openKafka`
 * gave; `part`: which gateways are wanted, those without a log or with one, if not both.
 */
export const startWorld = async ({ dist, dataDir, against, kafka, part }) => {
  const { startEmbeddedPostgres } = await import(
    pathToFileURL(`${dist}/platform/embedded-postgres/embedded-postgres.js`).href
  );
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { max_connections: '200' } });
  pin(postgres.pid, 'rest');
  const upstreams = {
    legacy: await start('upstream.mjs', { args: ['legacy'], where: 'load' }),
    modern: await start('upstream.mjs', { args: ['modern'], where: 'load' }),
  };
  const upstreamPorts = { legacy: upstreams.legacy.ready.port, modern: upstreams.modern.ready.port };
  const load = await start('load.mjs', { where: 'load' });
  const relayOf = (era) => start('relay.mjs', { args: [String(upstreamPorts[era]), era], where: 'gateway' });
  const relays = { legacy: await relayOf('legacy'), modern: await relayOf('modern') };
  const inDatabase = async (name, { build = dist, ...rest }) =>
    startToolgates({ url: await databaseIn(postgres.url, name), upstreamPorts, dist: build, ...rest });
  // Without a log each era has a gateway of its own, as it has a relay of its own to be compared with.
  const gateways = {
    ...(part === 'with' ? {} : { bare: { logIs: 'off' }, modernBare: { logIs: 'off' } }),
    ...(part === 'without' ? {} : { logged: { logIs: 'on' } }),
  };
  const inPostgres = await inDatabase('bench_postgres', { gateways });
  // With a schema of its own, as its migrations make it.
  const other = against && (await inDatabase('bench_other', { build: against, gateways }));
  const inKafka = kafka.brokers && (await inDatabase('bench_kafka', { kafka, gateways: { logged: { logIs: 'on' } } }));
  return {
    postgres,
    load,
    relays,
    direct: { port: upstreamPorts.legacy, path: '/mcp', era: 'legacy', headers: headersOf.legacy },
    inPostgres,
    other,
    inKafka,
    brokers: kafka.pids,
    close: async () => {
      await inPostgres.close();
      await other?.close();
      await inKafka?.close();
      await Promise.all([...Object.values(upstreams), ...Object.values(relays), load].map((one) => one.end()));
      await postgres.stop();
    },
  };
};
