import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to requests from now on: they pass; get a status of somebody before the receiver; get no answer; pass
 * and get half an answer; pass, and the connection ends in place of an answer.
 */
export type HttpFault = 'pass' | 'hang' | 'half' | 'swallow' | Readonly<{ status: number; retryAfter?: number }>;
export type HttpProxy = Readonly<{
  port: number;
  set: (fault: HttpFault) => void;
  /** How many requests came since the fault was set. */
  met: () => number;
  stop: () => Promise<void>;
}>;

type Answer = Readonly<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>;

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** Asks the receiver as it was asked: the host's name too, which signatures may cover. */
const pass = async (request: IncomingMessage, body: Buffer, port: number): Promise<Answer> => {
  const { method, url: path, headers } = request;
  const asked = ask({ host: '127.0.0.1', port, method, path, headers, agent: false }).end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await bodyOf(answer) };
};

/** A way to a receiver of HTTP on loopback that can be disturbed. */
export const startHttpProxy = async (targetPort: number): Promise<HttpProxy> => {
  let fault: HttpFault = 'pass';
  let met = 0;
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const now = fault;
    met += 1;
    if (now === 'hang') return;
    if (typeof now === 'object') {
      const headers = now.retryAfter === undefined ? {} : { 'retry-after': String(now.retryAfter) };
      response.writeHead(now.status, headers).end('disturbed');
      return;
    }
    const answer = await pass(request, body, targetPort);
    if (now === 'swallow') return void response.destroy();
    if (now === 'half') {
      const length = String(answer.body.length + 50);
      response.writeHead(answer.status, {
        ...answer.headers,
        'transfer-encoding': undefined,
        'content-length': length,
      });
      response.write(answer.body, () => response.destroy());
      return;
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      fault = next;
      met = 0;
      server.closeAllConnections();
    },
    met: () => met,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
