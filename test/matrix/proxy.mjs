import { createServer, request as ask } from 'node:http';

/**
 * A reverse proxy in front of a port of this machine that counts requests by their HTTP method and, where their body
 * names one, their JSON-RPC method. All else passes as it comes.
 */
export const startCounter = async (targetPort) => {
  const seen = [];
  const server = createServer((request, response) => {
    const parts = [];
    const entry = { method: request.method };
    seen.push(entry);
    const { method, url: path, headers } = request;
    const forward = ask({ host: '127.0.0.1', port: targetPort, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers).flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
      answer.once('aborted', () => response.destroy());
    });
    forward.once('error', () => response.destroy());
    response.once('close', () => forward.destroy());
    request.on('data', (part) => {
      parts.push(part);
      forward.write(part);
    });
    request.once('end', () => {
      entry.rpc = /"method"\s*:\s*"([^"]+)"/.exec(Buffer.concat(parts).toString())?.[1];
      forward.end();
    });
  });
  const port = await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
  return {
    port,
    count: () => seen.length,
    seen,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};
