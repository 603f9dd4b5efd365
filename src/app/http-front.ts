import { startInterval, startTimer } from '../platform/runtime/guard.js';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { originForm, type HostRule } from '../platform/settings/host-rule.js';
import { errorText, log } from '../platform/runtime/log.js';
import { Problem, problemBody, problems } from '../platform/runtime/problems.js';
import { internalErrors } from '../platform/runtime/guard.js';
import { within } from '../platform/runtime/within.js';

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Whether this process may take traffic: each part answers by resolving, or rejects with what is missing. */
export type Readiness = Readonly<Record<string, () => Promise<void>>>;

/** Numbers of the process and of its parts. No label names an organization, a grant or a tool. */
export const makeMetrics = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(internalErrors);
  return registry;
};

const answer = (response: ServerResponse, status: number, body: unknown, mediaType = 'application/json'): void => {
  response.writeHead(status, {
    'content-type': mediaType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(JSON.stringify(body));
};

/** A part that hangs is not ready, and who probes us must be told before they give up on us. */
const READINESS_TIMEOUT_MS = 2000;
const TIMED_OUT = `no answer within ${READINESS_TIMEOUT_MS / 1000} s`;

/** `ok`, or why a part may not take traffic. */
type PartStates = Readonly<Record<string, string>>;

const statesOf = async (parts: Readiness): Promise<PartStates> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(parts).map(
        async ([name, check]) =>
          [
            name,
            (await within(
              check().then(() => 'ok', errorText),
              READINESS_TIMEOUT_MS,
            )) ?? TIMED_OUT,
          ] as const,
      ),
    ),
  );

/** What anybody may read of a part's state: a reason may name addresses. */
const publicState = (state: string): string => (state === 'ok' || state === TIMED_OUT ? state : 'failed');

/**
 * Checks the parts once at a time, however many ask, and logs each change: the log is where an operator finds the
 * reason when nobody can sign in.
 */
const makeReadinessCheck = (parts: Readiness): (() => Promise<PartStates>) => {
  let running: Promise<PartStates> | undefined;
  let before: PartStates = {};
  const check = async (): Promise<PartStates> => {
    const states = await statesOf(parts);
    for (const [part, state] of Object.entries(states)) {
      if (state !== (before[part] ?? 'ok'))
        log.warn(state === 'ok' ? 'a part is ready again' : 'a part is not ready', { part, state });
    }
    before = states;
    return states;
  };
  return () => (running ??= check().finally(() => (running = undefined)));
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

/**
 * Whether a request is one of an operator of this installation, who is shown reasons. Rejects when that can't be known.
 */
type IsOperator = (request: IncomingMessage) => Promise<boolean>;

const sendReadiness = async (
  check: () => Promise<PartStates>,
  isOperator: IsOperator,
  { request, response }: Exchange,
): Promise<void> => {
  const [states, told] = await Promise.all([
    check(),
    within(
      isOperator(request).catch(() => false),
      READINESS_TIMEOUT_MS,
    ),
  ]);
  const ready = Object.values(states).every((state) => state === 'ok');
  const parts =
    told === true
      ? states
      : Object.fromEntries(Object.entries(states).map(([name, state]) => [name, publicState(state)]));
  answer(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', parts });
};

type Exchange = Readonly<{ request: IncomingMessage; response: ServerResponse }>;
type Routes = Readonly<{
  hosts: HostRule;
  gateway?: Handle;
  api?: Handle;
  readiness: Readiness;
  isOperator: IsOperator;
  metrics: Registry;
}>;

const elsewhere = new Problem('not_found', 'This process serves other roles; see ROLES.');
const otherHost = new Problem(
  'bad_origin',
  'Name the host of PUBLIC_URL, or one that the operator lists in ALLOWED_HOSTS, in one Host header.',
);

const refuse = (response: ServerResponse, problem: Problem): void => {
  const body = problemBody(problem);
  answer(response, problems[problem.code].status, body, 'application/problem+json');
};

const pathOf = (request: IncomingMessage): string => {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
};

/**
 * What is answered here, by path, whatever host a request names: probes come by address, monitoring by the names of a
 * cluster.
 */
const operationsOf = ({
  readiness,
  isOperator,
  metrics,
}: Routes): Readonly<Record<string, (exchange: Exchange) => void>> => {
  const check = makeReadinessCheck(readiness);
  return {
    '/healthz': ({ response }) => answer(response, 200, { status: 'up' }),
    '/readyz': (exchange) => void sendReadiness(check, isOperator, exchange),
    '/metrics': ({ response }) => sendMetrics(metrics, response),
  };
};

/**
 * The one HTTP server. Health and metrics are answered here; everything else only under a host that `hosts` takes (403
 * `bad_origin`): `/mcp/…` goes to the gateway before anything else looks at it, the rest to the API. Upgrades are not
 * taken, and CONNECT closes the connection.
 */
export const makeHttpFront = (routes: Routes): Server => {
  const operations = operationsOf(routes);
  const server = createServer(
    { keepAliveTimeout: 75_000, headersTimeout: 30_000, requestTimeout: 120_000, noDelay: true },
    (request, response) => {
      const isOfOurHost = routes.hosts(request);
      request.url = originForm(request.url ?? '/');
      if (isOfOurHost && routes.gateway && request.url.startsWith('/mcp/')) return routes.gateway(request, response);
      const operation = request.method === 'GET' || request.method === 'HEAD' ? operations[pathOf(request)] : undefined;
      if (operation) return operation({ request, response });
      if (!isOfOurHost) return refuse(response, otherHost);
      if (routes.api) return routes.api(request, response);
      return refuse(response, elsewhere);
    },
  );
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

/**
 * Stops listening, lets running requests end for `graceMs` and each connection go when its last one did, then closes
 * every connection.
 */
export const closeFront = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = startTimer('close_front', graceMs, () => server.closeAllConnections());
    const idle = startInterval('close_front', IDLE_MS, () => server.closeIdleConnections());
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
  });
