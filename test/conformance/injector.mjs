import { createServer, request as httpRequest } from 'node:http';
import { listen } from './serve.mjs';

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);

const pairsOf = (rawHeaders) =>
  rawHeaders.flatMap((name, at) =>
    at % 2 === 0 && !HOP_BY_HOP.has(name.toLowerCase()) ? [[name, rawHeaders[at + 1]]] : [],
  );

/**
 * A loopback relay for clients that can't hold a token: it adds `Authorization: Bearer <token>` and passes the rest on
 * as it came, Host and Origin too, byte by byte as it arrives. Who leaves on one side leaves on the other. `aim` says
 * where to: the gateway's URL of a server, and the token of a grant for it.
 */
export const startInjector = async () => {
  let target;
  const server = createServer((request, response) => {
    if (!target) return response.writeHead(503).end();
    const { hostname, port, pathname } = target.url;
    const headers = [...pairsOf(request.rawHeaders), ['Authorization', `Bearer ${target.token}`]].flat();
    const onward = httpRequest({
      hostname,
      port,
      path: pathname,
      method: request.method,
      headers,
      setHost: false,
      agent: false,
    });
    onward.once('response', (answer) => {
      response.writeHead(answer.statusCode, answer.statusMessage, pairsOf(answer.rawHeaders).flat());
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
    return undefined;
  });
  const origin = await listen(server);
  return {
    origin,
    url: `${origin}/mcp`,
    aim: ({ mcpUrl, token }) => void (target = { url: new URL(mcpUrl), token }),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
