// How long a start takes with many organizations and their policies: node test/bench/start.mjs [organizations], after a
// build. Each organization has a server, a grant, and a policy of 24 regular expressions like [a-z]{1,200} that no
// other has.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/platform/embedded-postgres/embedded-postgres.js';
import { Vault } from '../../dist/platform/crypto/vault.js';

const ORGANIZATIONS = Number(process.argv[2] ?? 1000);
const AT_ONCE = 50;
const TICKS_PER_SECOND = 100;
const MASTER_KEY = Buffer.alloc(32, 7);
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** The seconds of CPU that a process has taken. */
const cpuSeconds = async (pid) => {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

/** Starts the product and waits until it is ready. */
const startProduct = async (databaseUrl, dataDir) => {
  const port = await freePort();
  const began = performance.now();
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    PORT: String(port),
    MASTER_KEY: MASTER_KEY.toString('base64'),
    UPSTREAM_ALLOW: '127.0.0.0/8',
  };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.status === 200) break;
    if (child.exitCode !== null) throw new Error(`the product ended with ${child.exitCode}`);
    await sleep(20);
  }
  const seconds = (performance.now() - began) / 1000;
  return { url, seconds, cpu: await cpuSeconds(child.pid), stop: () => (child.kill('SIGTERM'), ended) };
};

const documentOf = (number) => ({
  version: '1',
  default: 'deny',
  tools: {
    x: {
      deny_if: Array.from({ length: 24 }, (_, at) => ({
        path: 'args.a',
        op: 'matches',
        value: `o${number}x${at}[a-z]{1,200}`,
      })),
    },
  },
});

/** One organization, made through the API; the others are its copies. */
const makeFirst = async (url) => {
  const post = async (path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const { token, organization } = await post('/signup', {
    email: 'bench@example.com',
    password: 'correct horse battery',
    organizationName: 'Bench',
  });
  const identity = await post('/identities', { name: 'agent', kind: 'agent' }, token);
  const server = await post(
    '/servers',
    { name: 'nobody', transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } },
    token,
  );
  const policy = await post(`/servers/${server.id}/policies`, { name: 'policy', document: documentOf('first') }, token);
  const grant = await post('/grants', { identityId: identity.id, serverId: server.id, policyId: policy.id }, token);
  return [organization, identity, server, policy, grant].map(({ id }) => id);
};

const TABLES = [
  'organizations',
  'organization_keys',
  'event_heads',
  'identities',
  'servers',
  'policies',
  'grants',
  'grant_tokens',
];

/** Copies the rows of the first organization, each with ids, a key, a token and a document of its own. */
const copy = async (client, ids, vault) => {
  const [first] = ids;
  const rows = {};
  for (const table of TABLES) {
    const key = table === 'organizations' ? 'id' : 'organization_id';
    rows[table] = (
      await client.query(`select to_jsonb(t)::text as row from ${table} t where ${key} = $1`, [first])
    ).rows.map(({ row }) => row);
  }
  const copyOf = (table, row, number) => {
    const suffix = String(number).padStart(6, '0');
    const copied = JSON.parse(ids.reduce((text, id) => text.replaceAll(id, id.slice(0, -6) + suffix), row));
    if (table === 'organization_keys')
      copied.wrapped = `\\x${vault.newOrganizationKey(copied.organization_id).toString('hex')}`;
    if (table === 'grant_tokens') copied.token_hash = `\\x${createHash('sha256').update(suffix).digest('hex')}`;
    if (table === 'policies') copied.document = documentOf(number);
    return copied;
  };
  for (let from = 1; from < ORGANIZATIONS; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, ORGANIZATIONS - from) }, (_, at) => from + at);
    for (const table of TABLES) {
      const copies = numbers.flatMap((number) => rows[table].map((row) => copyOf(table, row, number)));
      await client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`, [
        JSON.stringify(copies),
      ]);
    }
  }
};

const folder = await mkdtemp(join(tmpdir(), 'toolgate-start-'));
const postgres = await startEmbeddedPostgres({ dataDir: folder, onNotice: () => undefined });
try {
  const made = await startProduct(postgres.url, folder);
  const ids = await makeFirst(made.url);
  await made.stop();
  const client = new pg.Client(postgres.url);
  await client.connect();
  await copy(client, ids, new Vault(MASTER_KEY));
  const { rows } = await client.query('select count(*)::int as policies from policies');
  await client.end();
  console.log(`started with 1 organization: ready in ${made.seconds.toFixed(1)} s, ${made.cpu.toFixed(1)} s of CPU`);
  for (let times = 0; times < 3; times += 1) {
    const started = await startProduct(postgres.url, folder);
    await started.stop();
    console.log(
      `started with ${rows[0].policies} organizations and policies: ready in ${started.seconds.toFixed(1)} ` +
        `s, ${started.cpu.toFixed(1)} s of CPU`,
    );
  }
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
