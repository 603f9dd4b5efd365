import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));
const READY_MS = 120_000;
const STOP_MS = 10_000;

const isOver = (child) => child.exitCode !== null || child.signalCode !== null;
const ended = (child) => (isOver(child) ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve)));

const urlOf = (child) =>
  new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`Toolgate was not ready in ${READY_MS} ms:\n${output}`)), READY_MS);
    const seen = (chunk) => {
      output += chunk;
      const url = /API\s+(http:\S+?)\/v1/.exec(output)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout.on('data', seen);
    child.stderr.on('data', seen);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`Toolgate ended with ${code} before it was ready:\n${output}`));
    });
  });

/**
 * Starts the built product on a folder of its own and a free port, in a process group of its own; `allowedOrigins` are
 * web origins that may call it. `ready` answers its URL; `stop` ends it, ready or not.
 */
export const startGateway = async ({ allowedOrigins }) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-conformance-data-'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    PORT: '0',
    DATA_DIR: dataDir,
    ALLOWED_ORIGINS: allowedOrigins.join(','),
  };
  const child = spawn(process.execPath, [START], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let isReady = false;
  const ready = urlOf(child).finally(() => (isReady = !isOver(child)));
  const killGroup = () => {
    if (!isOver(child) && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const stop = async () => {
    if (isReady) child.kill('SIGTERM');
    else killGroup();
    const timer = setTimeout(killGroup, STOP_MS);
    await ended(child);
    clearTimeout(timer);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  return { ready, stop };
};

/**
 * Signs up an organization and answers `grantFor(url)`: a server at this URL, a policy that allows everything, an
 * identity and its grant.
 */
export const organization = async (url) => {
  const post = async (path, body, token) => {
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`POST ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  const { token } = await post('/signup', {
    email: 'conformance@example.com',
    password: 'correct horse battery',
    organizationName: 'Conformance',
  });
  return {
    grantFor: async (name, serverUrl) => {
      const server = await post('/servers', { name, transport: { type: 'streamable-http', url: serverUrl } }, token);
      const policy = await post(
        `/servers/${server.id}/policies`,
        { name: 'everything', document: { version: '1', default: 'allow' } },
        token,
      );
      const identity = await post('/identities', { name: `agent of ${name}`, kind: 'agent' }, token);
      return post('/grants', { identityId: identity.id, serverId: server.id, policyId: policy.id }, token);
    },
  };
};
