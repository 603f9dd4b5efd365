/**
 * The raw relay that Toolgate is compared with: node:http and undici's dispatch with Toolgate's own options, no
 * judgement, no record. argv: the upstream's port, and its era.
 */
import { createServer } from 'node:http';
import { Agent } from 'undici';
import { answer } from './child.mjs';
import { headersOf } from './messages.mjs';

const origin = `http://127.0.0.1:${process.argv[2]}`;
const agent = new Agent({ headersTimeout: 300_000, bodyTimeout: 300_000 });

class Relay {
  #response;
  #chunks = [];
  constructor(response) {
    this.#response = response;
  }
  onRequestStart() {}
  onResponseStart() {}
  onResponseData(_controller, chunk) {
    this.#chunks.push(chunk);
  }
  onResponseEnd() {
    const body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    this.#response.end(body);
  }
  onResponseError() {
    this.#response.writeHead(502).end();
  }
}

const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'user-agent': 'relay',
  ...headersOf[process.argv[3]],
};

const server = createServer(
  { keepAliveTimeout: 75_000, headersTimeout: 30_000, requestTimeout: 120_000, noDelay: true },
  (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      agent.dispatch({ origin, path: '/mcp', method: 'POST', headers, body }, new Relay(response));
    });
  },
);
server.maxRequestsPerSocket = 0;
server.listen(0, '127.0.0.1', () => answer({ port: server.address().port }));
