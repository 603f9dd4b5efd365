/**
 * The second tenant, a process of its own, so that its latencies are those of the gateway and not of the hostile peers.
 * Between the messages `start` and `stop` of its parent it calls one tool again and again, in one session over a kept
 * connection; then it sends its latencies in milliseconds, sorted, and what went wrong. argv: the URL of its MCP
 * endpoint, its token.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , url, token] = process.argv;
const PAUSE_MS = 5;
const TIMEOUT_MS = 30_000;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const post = (headers, message) =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify(message);
    const own = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': Buffer.byteLength(body),
      ...headers,
    };
    const sent = request(url, { method: 'POST', agent, headers: own, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.once('error', reject);
      response.once('end', () => resolve({ headers: response.headers, status: response.statusCode, text }));
    });
    sent.once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    sent.end(body);
  });

const open = async () => {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'neighbour', version: '1' } };
  const { headers } = await post({}, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  return { 'mcp-session-id': headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' };
};

/** What is wrong with the answer to one call, undefined for nothing. */
const call = async (session, id) => {
  try {
    const { status, text } = await post(session, {
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'echo', arguments: { id } },
    });
    return text.includes(`"id":${id}`) && text.includes('"done"') ? undefined : `${status} ${text.slice(0, 400)}`;
  } catch (error) {
    return String(error);
  }
};

let over = false;

/** Calls until the parent says that it is enough. */
const run = async () => {
  over = false;
  const latencies = [];
  const failures = [];
  const session = await open();
  for (let id = 1; !over; id += 1) {
    const began = performance.now();
    const failure = await call(session, id);
    latencies.push(performance.now() - began);
    if (failure !== undefined) failures.push(failure);
    await sleep(PAUSE_MS);
  }
  return { latencies: latencies.toSorted((one, other) => one - other), failures };
};

process.on('message', (what) => {
  if (what === 'stop') over = true;
  else void run().then((seen) => process.send(seen));
});
process.once('disconnect', () => process.exit(0));
