/** The built product on a folder and a port of its own, which it keeps when it is started again. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './processes.mjs';

const START = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));
const READY_MS = 180_000;

const isReady = (port) =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

export const startGateway = async ({ commands, variables }) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-matrix-'));
  const port = await freePort();
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    PORT: String(port),
    DATA_DIR: dataDir,
    ALLOW_STDIO: commands.join(','),
    STDIO_ENV: variables.join(','),
    STDIO_SANDBOX: 'off',
  };
  let child;
  let output = '';
  let ended;
  const start = async () => {
    child = spawn(process.execPath, [START], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output = (output + chunk).slice(-100_000)));
    ended = new Promise((resolve) => child.once('exit', resolve));
    for (const until = Date.now() + READY_MS; !(await isReady(port)); await sleep(100))
      if (Date.now() > until || child.exitCode !== null) throw new Error(`Toolgate is not ready:\n${output}`);
  };
  const end = async (signal = 'SIGTERM') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  };
  process.once('exit', () => child.kill('SIGKILL'));
  // A build is no part of the start that is waited for.
  await promisify(execFile)(process.execPath, [START, '--build-only']);
  await start();
  return {
    port,
    output: () => output,
    restart: async (signal) => {
      await end(signal);
      await start();
    },
    stop: async () => {
      await end();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

/**
 * An organization. `grantFor` registers a server and answers a grant for it, and what its discovery says; with a count,
 * so many grants. `events` answers all events of a type on record.
 */
export const signUp = async (port) => {
  const api = async (method, path, body, token, tries = 10) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // A busy machine.
    if (response.status === 503 && tries > 1) {
      await sleep(2000);
      return api(method, path, body, token, tries - 1);
    }
    if (response.status >= 300) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  const { token } = await api('POST', '/signup', {
    email: 'matrix@example.com',
    password: 'correct horse battery',
    organizationName: 'Matrix',
  });
  const pageOf = (type, after) =>
    api(
      'GET',
      `/audit/events?type=${type}&limit=1000&order=asc${after === undefined ? '' : `&after=${after}`}`,
      undefined,
      token,
    );
  return {
    grantFor: async (name, transport, document, count) => {
      const server = await api('POST', '/servers', { name, transport }, token);
      const policy = await api('POST', `/servers/${server.id}/policies`, { name, document }, token);
      const grants = [];
      for (let index = 0; index < (count ?? 1); index += 1) {
        const identity = await api('POST', '/identities', { name: `${name} ${index}`, kind: 'agent' }, token);
        const ids = { identityId: identity.id, serverId: server.id, policyId: policy.id };
        grants.push({ ...(await api('POST', '/grants', ids, token)), server });
      }
      return count === undefined ? grants[0] : grants;
    },
    events: async (type) => {
      const all = [];
      for (let page = await pageOf(type); ; page = await pageOf(type, page.nextCursor)) {
        all.push(...page.items);
        if (!page.hasMore) return all;
      }
    },
  };
};
