import { connect } from 'node:net';
import { describe, expect } from 'vitest';
import { readConfig } from '../../../src/platform/settings/config.js';
import { startToolgate, type Toolgate } from '../../../src/app/toolgate.js';
import { call, PASSWORD, signUp } from '../accounts/client.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest({ OPERATORS: 'ops@example.com' });

/** What is answered to bytes on a socket, until the connection is closed. */
const raw = (lines: readonly string[], body = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(toolgate.toolgate.port, '127.0.0.1', () =>
      socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`),
    );
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .on('error', reject)
      .on('close', () => resolve(text));
  });

const statusOf = (answer: string): string => answer.slice(9, 12);
const SIGN_UP = JSON.stringify({ email: 'page@evil.example', password: PASSWORD, organizationName: 'evil' });

describe('a request that names another host', () => {
  test.each([
    '/v1/signup',
    '/v1/me',
    '/mcp/srv_x',
    '/openapi.json',
    '/docs',
    '/',
    '/nothing',
    '//healthz',
    '/healthz/',
  ])('is refused at %s with bad_origin, whatever its method', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS', 'DELETE']) {
      const answer = await raw([
        `${method} ${path} HTTP/1.1`,
        'Host: evil.example:8080',
        'Origin: http://evil.example:8080',
      ]);
      expect([method, statusOf(answer)]).toEqual([method, '403']);
      expect(answer).toContain('application/problem+json');
      expect(answer).toContain('"code":"bad_origin"');
    }
  });

  test('makes no account, and is not answered to by any other form of request', async () => {
    const signUpAs = (...headers: readonly string[]): Promise<string> =>
      raw(
        ['POST /v1/signup HTTP/1.1', ...headers, 'Content-Type: application/json', `Content-Length: ${SIGN_UP.length}`],
        SIGN_UP,
      );
    for (const hosts of [
      ['Host: evil.example'],
      ['Host: 127.0.0.1', 'Host: evil.example'],
      ['Host: evil.example', 'Host: 127.0.0.1'],
      ['Host: [::1]evil'],
      ['Host:'],
    ])
      expect(statusOf(await signUpAs(...hosts))).toMatch(/^40[03]$/);
    expect(statusOf(await raw(['GET http://evil.example/v1/me HTTP/1.1', 'Host: 127.0.0.1']))).toBe('403');
    expect(
      statusOf(await raw(['GET /v1/me HTTP/1.1', 'Host: evil.example', 'Upgrade: websocket', 'Connection: Upgrade'])),
    ).toBe('403');
    expect(statusOf(await raw(['GET /v1/me HTTP/1.0']))).toBe('403');
    expect(await raw(['CONNECT 127.0.0.1:5432 HTTP/1.1', 'Host: 127.0.0.1'])).not.toMatch(/^HTTP\/1.1 2/);
    const { rows } = await toolgate.db.worker.query(`select 1 from users where email = 'page@evil.example'`);
    expect(rows).toEqual([]);
  });

  test.each(['/healthz', '/readyz', '/metrics'])(
    'is answered at %s, as probes and monitoring come by the names of a cluster',
    async (path) => {
      for (const headers of [
        ['Host: toolgate.prod.svc.cluster.local:8080'],
        ['Host: 10.1.2.3'],
        ['Host: a', 'Host: b'],
      ])
        expect(statusOf(await raw([`GET ${path} HTTP/1.1`, ...headers]))).toBe('200');
    },
  );
});

test('a request target that is a whole URL of ours is served as its path', async () => {
  const at = `http://127.0.0.1:${toolgate.toolgate.port}`;
  expect(statusOf(await raw([`GET ${at}/v1/me HTTP/1.1`, 'Host: 127.0.0.1']))).toBe('401');
  expect(await raw([`POST ${at}/mcp/srv_x HTTP/1.1`, 'Host: 127.0.0.1'])).toContain('grant token');
});

test('the reason why a part is not ready is shown to a signed-in member in OPERATORS, and to nobody else', async () => {
  const ops = await signUp(toolgate.url, 'Ops@example.com');
  const other = await signUp(toolgate.url);
  const key = await call(toolgate.url, 'POST /v1/api-keys', { token: ops.token, body: { name: 'k', role: 'admin' } });
  const down: Toolgate = await startToolgate(
    readConfig({
      PORT: '0',
      DATABASE_URL: toolgate.databaseUrl,
      MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      OPERATORS: 'ops@example.com',
      ROLES: 'api',
      ...toolgate.log.env,
    }),
  );
  const ready = down.eventLog.ready;
  Object.assign(down.eventLog, { ready: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:9092')) });
  try {
    const readyz = async (headers: Readonly<Record<string, string>>): Promise<string> =>
      (await call(down.url, 'GET /readyz', { headers })).body.parts.log;
    expect(await readyz({ authorization: `Bearer ${ops.token}` })).toContain('10.0.0.7:9092');
    for (const token of ['', 'x', other.token, key.body.secret as string])
      expect(await readyz({ authorization: `Bearer ${token}` })).toBe('failed');
    expect(await readyz({ cookie: `toolgate_session=${ops.token}` })).toBe('failed');
    expect(await readyz({ cookie: `toolgate_session=${ops.token}`, origin: down.url })).toContain('10.0.0.7:9092');
  } finally {
    Object.assign(down.eventLog, { ready });
    await down.close();
  }
});
