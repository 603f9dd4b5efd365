import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that reached GitLab's REST API: `headers` as node gives them, `credential` without its scheme. */
export type ApiRequest = Readonly<{
  method: string;
  path: string;
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  credential: string | undefined;
}>;

export type GitLabApi = Readonly<{
  /** What GITLAB_API_URL takes. */
  url: string;
  /** Every request so far, also refused ones. */
  requests: readonly ApiRequest[];
  /** The jobs that were cancelled, in order. */
  cancelledJobs: () => readonly string[];
  close: () => Promise<void>;
}>;

const credentialOf = (headers: IncomingMessage['headers']): string | undefined => {
  const own = headers['private-token'];
  return typeof own === 'string' ? own : headers.authorization?.replace(/^Bearer /i, '');
};

const CANCEL = /^\/api\/v4\/projects\/([^/]+)\/jobs\/(\d+)\/cancel$/;

const answer = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

const job = (id: string) => ({
  id: Number(id),
  status: 'canceled',
  stage: 'deploy',
  name: 'deploy-review',
  ref: 'main',
  tag: false,
  created_at: '2026-01-01T00:00:00.000Z',
  web_url: `https://gitlab.example/jobs/${id}`,
});

const respond = (request: ApiRequest, token: string, response: ServerResponse): void => {
  const path = request.path.split('?')[0] ?? '';
  if (request.credential !== token) return answer(response, 401, { message: '401 Unauthorized' });
  const cancelled = request.method === 'POST' ? CANCEL.exec(path)?.[2] : undefined;
  if (cancelled !== undefined) return answer(response, 201, job(cancelled));
  if (request.method === 'GET' && path === '/api/v4/user')
    return answer(response, 200, { id: 1, username: 'demo', name: 'Demo' });
  if (request.method === 'GET' && path.endsWith('/issues')) return answer(response, 200, []);
  return answer(response, 404, { message: '404 Not Found' });
};

/**
 * The part of GitLab's REST API (v4) that the running example reaches: `GET /user` (asked when a session begins),
 * cancelling a job, listing issues. Takes one personal access token, as `PRIVATE-TOKEN` or as a bearer, and records
 * everything that it gets. On a free port of 127.0.0.1.
 */
export const startGitLabApi = async (token: string): Promise<GitLabApi> => {
  const requests: ApiRequest[] = [];
  const server = createServer((incoming, response) => {
    const request: ApiRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: { ...incoming.headers },
      credential: credentialOf(incoming.headers),
    };
    requests.push(request);
    incoming.resume();
    respond(request, token, response);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v4`,
    requests,
    cancelledJobs: () =>
      requests
        .filter(({ method, credential }) => method === 'POST' && credential === token)
        .flatMap(({ path }) => CANCEL.exec(path.split('?')[0] ?? '')?.[2] ?? []),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
