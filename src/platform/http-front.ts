import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { errorText } from './log.js';
import { Problem, problemBody } from './problems.js';
import { within } from './within.js';

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Whether this process may take traffic: each part answers by resolving, or rejects with what is missing. */
export type Readiness = Readonly<Record<string, () => Promise<void>>>;

/** Numbers of the process and of its parts. No label names an organization, a grant or a tool. */
export const makeMetrics = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};

const answer = (response: ServerResponse, status: number, body: unknown, mediaType = 'application/json'): void => {
  response.writeHead(status, { 'content-type': mediaType, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
};

/** A part that hangs is not ready, and who probes us must be told before they give up on us. */
const PATIENCE_MS = 2000;

const readiness = async (parts: Readiness): Promise<Readonly<{ ready: boolean; parts: Readonly<Record<string, string>> }>> => {
  const checked = await Promise.all(
    Object.entries(parts).map(async ([name, check]) => [name, (await within(check().then(() => 'ok', errorText), PATIENCE_MS)) ?? `no answer within ${PATIENCE_MS / 1000} s`] as const),
  );
  return { ready: checked.every(([, state]) => state === 'ok'), parts: Object.fromEntries(checked) };
};

const sendMetrics = (registry: Registry, response: ServerResponse): void => {
  registry.metrics().then(
    (text) => {
      response.writeHead(200, { 'content-type': registry.contentType });
      response.end(text);
    },
    () => answer(response, 500, { status: 'error' }),
  );
};

const sendReadiness = (parts: Readiness, response: ServerResponse): void => {
  void readiness(parts).then((state) => answer(response, state.ready ? 200 : 503, { status: state.ready ? 'ready' : 'not ready', parts: state.parts }));
};

type Routes = Readonly<{ gateway?: Handle; api?: Handle; readiness: Readiness; metrics: Registry }>;

const elsewhere = new Problem('not_found', 'This process serves other roles; see ROLES.');

const pathOf = (request: IncomingMessage): string => {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
};

/** The one HTTP server: `/mcp/…` goes to the gateway before anything else looks at it, health and metrics are answered here, the rest is the API's. */
export const makeHttpFront = (routes: Routes): Server => {
  const operations: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/healthz': (response) => answer(response, 200, { status: 'up' }),
    '/readyz': (response) => sendReadiness(routes.readiness, response),
    '/metrics': (response) => sendMetrics(routes.metrics, response),
  };
  const server = createServer({ keepAliveTimeout: 75_000, headersTimeout: 30_000, requestTimeout: 120_000, noDelay: true }, (request, response) => {
    if (request.url?.startsWith('/mcp/') && routes.gateway) return routes.gateway(request, response);
    const operation = request.method === 'GET' || request.method === 'HEAD' ? operations[pathOf(request)] : undefined;
    if (operation) return operation(response);
    if (routes.api) return routes.api(request, response);
    return answer(response, 404, problemBody(elsewhere), 'application/problem+json');
  });
  server.maxRequestsPerSocket = 0;
  return server;
};

/** Listens and resolves to the port. @throws when the address is taken. */
export const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });

const IDLE_MS = 50;

/** Stops listening, lets running requests end for `graceMs` and each connection go when its last one did, then closes every connection. */
export const closeFront = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
  });
