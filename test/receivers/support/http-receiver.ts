import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Certificates } from './certificates.js';

export type Received = Readonly<{ method: string; path: string; headers: IncomingHttpHeaders; body: Buffer }>;
export type Reply = Readonly<{ status: number; headers?: Readonly<Record<string, string>>; body: string }>;

/** An HTTP server of a test; with certificates it speaks TLS and wants one of our clients. */
export type HttpReceiver = Readonly<{ url: string; received: readonly Received[]; stop: () => Promise<void> }>;

export const json = (status: number, body: unknown): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** The text of a request's body, also of one that is compressed. */
export const textOf = ({ headers, body }: Received): string =>
  (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();

/** Answers requests one by one; a handler that answers nothing itself deals with the response. */
export type Handler = (request: Received, response: ServerResponse) => Reply | undefined | Promise<Reply | undefined>;

export const startHttpReceiver = async (handle: Handler, certificates?: Certificates): Promise<HttpReceiver> => {
  const received: Received[] = [];
  const listener = async (
    request: AsyncIterable<Buffer> & { method?: string; url?: string; headers: IncomingHttpHeaders },
    response: ServerResponse,
  ): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks),
    };
    received.push(seen);
    const reply = await handle(seen, response);
    if (reply !== undefined) response.writeHead(reply.status, reply.headers).end(reply.body);
  };
  const onRequest = (request: never, response: ServerResponse): void => {
    listener(request, response).catch(() => response.destroy());
  };
  const server =
    certificates === undefined
      ? createServer(onRequest as never)
      : createTlsServer(
          {
            cert: certificates.server.cert,
            key: certificates.server.key,
            ca: certificates.ca,
            requestCert: true,
            rejectUnauthorized: true,
          },
          onRequest as never,
        );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificates === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    received,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
