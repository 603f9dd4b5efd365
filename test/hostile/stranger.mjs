/** The stranger: somebody without any credential. */
import { exchange, requestBytes, statusOf } from './http-client.mjs';
import { oddValue } from './messages.mjs';

const PATHS = [
  '/v1/login',
  '/v1/signup',
  '/v1/invitations/accept',
  '/v1/servers',
  '/v1/grants',
  '/mcp/srv_x',
  '/',
  '/docs',
  '/openapi.json',
  '/v1/audit/events',
  '/v1/%00',
  '/healthz',
  '/readyz',
  '/metrics',
  '/.well-known/x',
];

const body = (random) =>
  random.pick([
    () => oddValue(random),
    () => `{"email":${oddValue(random)},"password":${oddValue(random)}}`,
    () => `{${Array.from({ length: random.pick([10, 5000, 60_000]) }, (_, index) => `"m${index}":0`).join(',')}}`,
    () => `{"email":"nobody${random.int(0, 99)}@example.com","password":"wrong wrong wrong"}`,
    () => `{"email":"a@example.com"`,
  ])();

const odd = (random) =>
  random.pick([
    {},
    {},
    { authorization: 'Bearer tg_grant_x_y' },
    { authorization: `Basic ${'x'.repeat(20_000)}` },
    { cookie: 'toolgate_session=x' },
    { 'content-type': 'text/plain' },
    { 'idempotency-key': 'k'.repeat(2000) },
    { origin: 'http://elsewhere.example' },
    { host: 'evil.example' },
    { 'transfer-encoding': 'chunked' },
    { 'x-forwarded-for': '1.2.3.4' },
    { upgrade: 'h2c', connection: 'upgrade' },
  ]);

/** One exchange; answers the HTTP status, 0 for none. */
export const strangerExchange = async (port, random) => {
  const method = random.pick(['POST', 'POST', 'POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'BREW']);
  const headers = { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...odd(random) };
  const bytes = requestBytes(method, random.pick(PATHS), headers, method === 'GET' ? '' : body(random));
  const options = { timeoutMs: random.pick([50, 500, 2500]), ...(random.chance(0.3) ? { random } : {}) };
  return statusOf(await exchange(port, bytes, options));
};
