import type { NextFunction, Request, Response } from 'express';
import type { Database } from '../../platform/postgres/database.js';
import { Problem, problems } from '../../platform/runtime/problems.js';
import type { ConsentService } from './consent.service.js';
import { documentAt, resourceMetadata, serverMetadata } from './metadata.js';
import type { OauthService } from './oauth.service.js';
import { findSignInServer } from './sign-ins.store.js';
import type { ConnectService } from './upstream/connect.service.js';

export type RouteDeps = Readonly<{
  oauth: OauthService;
  consent: ConsentService;
  connect: ConnectService;
  db: Database;
}>;

type Handler = (deps: RouteDeps, request: Request, response: Response) => Promise<void>;

/** What programs ask, which pages of other sites may do too: nothing of it goes by a cookie. */
const OF_CLIENTS: Readonly<Record<string, Handler>> = {
  'POST /oauth/token': ({ oauth }, ...exchange) => oauth.form(...exchange),
  'POST /oauth/revoke': ({ oauth }, ...exchange) => oauth.form(...exchange),
  'POST /oauth/register': ({ oauth }, ...exchange) => oauth.register(...exchange),
  'GET /oauth/jwks': ({ oauth }, ...exchange) => oauth.jwks(...exchange),
};

/** What members see. */
const OF_MEMBERS: readonly (readonly [RegExp, Handler])[] = [
  [/^GET \/oauth\/authorize(?:\/[\w-]{1,64})?$/, ({ oauth }, ...exchange) => oauth.authorize(...exchange)],
  [/^GET \/oauth\/callback$/, ({ connect }, ...exchange) => connect.callback(...exchange)],
  [/^POST \/oauth\/sign-in$/, ({ consent }, ...exchange) => consent.signIn(...exchange)],
  [/^GET \/oauth\/consent\/[\w-]{1,64}$/, ({ consent }, ...exchange) => consent.show(...exchange)],
  [/^POST \/oauth\/consent\/[\w-]{1,64}$/, ({ consent }, ...exchange) => consent.answer(...exchange)],
];

const allowAllOrigins = (response: Response): Response =>
  response.set({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': 'authorization, content-type, mcp-protocol-version',
    'access-control-max-age': '3600',
    'access-control-expose-headers': 'www-authenticate',
    'cross-origin-resource-policy': 'cross-origin',
  });

const FRESH = 'public, max-age=300';

const sendDocument = async ({ oauth, db }: RouteDeps, path: string, response: Response): Promise<boolean> => {
  const document = documentAt(path);
  if (!document) return false;
  const { of, serverId } = document;
  if (serverId !== undefined && !(await findSignInServer(db.signIn, serverId))) return false;
  const body = of === 'resource' ? resourceMetadata(oauth.url(), serverId ?? '') : serverMetadata(oauth.url());
  allowAllOrigins(response).set('cache-control', FRESH).json(body);
  return true;
};

/** An expected refusal, as clients of OAuth read one. */
const refuse = (response: Response, problem: Problem): void => {
  const { status } = problems[problem.code];
  if (problem.retryAfterSeconds !== undefined) response.set('retry-after', String(problem.retryAfterSeconds));
  const error = status >= 500 ? 'temporarily_unavailable' : 'invalid_request';
  response.status(status).set('cache-control', 'no-store').json({ error, error_description: problem.detail });
};

const serve = async (deps: RouteDeps, request: Request, response: Response): Promise<boolean> => {
  const path = request.originalUrl.replace(/\?.*$/s, '');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const isOfClients = path in OF_CLIENTS_BY_PATH || documentAt(path) !== undefined;
  if (method === 'OPTIONS' && isOfClients) {
    allowAllOrigins(response).status(204).end();
    return true;
  }
  const ofClients = OF_CLIENTS[`${method} ${path}`];
  if (ofClients) {
    await ofClients(deps, request, allowAllOrigins(response)).catch((error: unknown) => {
      if (!(error instanceof Problem) || response.headersSent) throw error;
      refuse(response, error);
    });
    return true;
  }
  const ofMembers = OF_MEMBERS.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1];
  if (ofMembers) await ofMembers(deps, request, response);
  return ofMembers !== undefined || (method === 'GET' && (await sendDocument(deps, path, response)));
};

const OF_CLIENTS_BY_PATH: Readonly<Record<string, true>> = Object.fromEntries(
  Object.keys(OF_CLIENTS).map((route) => [route.slice(route.indexOf(' ') + 1), true]),
);

/** Middleware: answers what is of the authorization server, and passes everything else on. */
export const serveOauth =
  (deps: RouteDeps) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    if (!(await serve(deps, request, response))) next();
  };
