import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';

const { test, tenant } = tenantTest({ UPSTREAM_TIMEOUT: '3' });

const stops: (() => void)[] = [];
test.afterAll(() => stops.forEach((stop) => stop()));

type Message = Readonly<{ id?: number; method: string; params?: Readonly<{ name?: string }> }>;
type Post = Readonly<{ request: IncomingMessage; response: ServerResponse; message: Message; answer: () => void }>;

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'sse', version: '1' },
  },
  'tools/list': { tools: [{ name: 'work', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: 'done' }] },
};

/** An HTTP+SSE server; `call` deals with the POST of a call, `connect` may refuse a connection. */
const startSse = async (
  call: (post: Post) => void,
  connect: (open: number) => number = () => 200,
): Promise<Readonly<{ url: string; open: () => number; drop: () => void }>> => {
  const streams = new Map<string, ServerResponse>();
  let connections = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      const status = connect(streams.size);
      if (status !== 200) return void response.writeHead(status).end();
      const id = String((connections += 1));
      streams.set(id, response);
      response.once('close', () => streams.delete(id));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.write(`event: endpoint\ndata: /messages?session=${id}\n\n`);
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const message = JSON.parse(body) as Message;
      const stream = streams.get(new URL(request.url ?? '', 'http://x').searchParams.get('session') ?? '');
      const answer = (): void => {
        const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: RESULTS[message.method] });
        if (message.id !== undefined) stream?.write(`event: message\ndata: ${text}\n\n`);
      };
      if (message.method === 'tools/call') return call({ request, response, message, answer });
      response.writeHead(202).end();
      answer();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`,
    open: (): number => streams.size,
    drop: (): void => streams.forEach((stream) => stream.destroy()),
  };
};

const grantFor = async (url: string): Promise<Grant & Readonly<{ serverId: string }>> => {
  const serverId = await tenant.server('', { transport: { type: 'sse', url } });
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  return { ...(await tenant.grant({ serverId, policyId })), serverId };
};

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'work', arguments: {} } };
type Body = Readonly<{ result?: { content: { text: string }[] }; error?: { code: number; message: string } }>;
const callAt = async (grant: Grant): Promise<Body> => {
  const session = await openSession(grant);
  return (await (await session.post(CALL)).json()) as Body;
};

const HALF_ANSWERED: Readonly<Record<string, (post: Post) => void>> = {
  'answers a POST only after the result': ({ response, answer }) => {
    answer();
    response.writeHead(202).end();
  },
  'cuts the POST before it answers it': ({ request, answer }) => {
    request.socket.destroy();
    setTimeout(answer, 50);
  },
  'cuts the POST in its answer': ({ request, response, answer }) => {
    response.writeHead(202, { 'content-length': '8' });
    response.write('Acc', () => request.socket.destroy());
    setTimeout(answer, 50);
  },
};

test.for(Object.entries(HALF_ANSWERED))(
  'a call to an SSE server that %s gets the result from the stream',
  async ([, call]) => {
    const { url } = await startSse(call);
    expect((await callAt(await grantFor(url))).result?.content[0]?.text).toBe('done');
  },
);

test('a call to an SSE server that accepts the POST and says no more ends after UPSTREAM_TIMEOUT', async () => {
  const { url } = await startSse(({ response }) => void response.writeHead(202).end());
  expect((await callAt(await grantFor(url))).error?.code).toBe(-33_102);
});

test('a refused POST keeps the words of its JSON-RPC error, under the id of the call', async () => {
  const { url } = await startSse(({ response }) => {
    response.writeHead(429, { 'content-type': 'application/json' });
    response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32050,"message":"slow down","data":{"after":3}}}');
  });
  expect(await callAt(await grantFor(url))).toMatchObject({
    id: 7,
    error: { code: -32_050, message: 'slow down', data: { after: 3 } },
  });
});

test('a session whose SSE connection was lost is started again, and its call is not repeated', async () => {
  let calls = 0;
  const server = await startSse(({ response, answer }) => {
    calls += 1;
    response.writeHead(202).end();
    if (calls === 1) server.drop();
    else answer();
  });
  const session = await openSession(await grantFor(server.url));
  expect(((await (await session.post(CALL)).json()) as Body).error?.code).toBe(-33_103);
  const again = await (await session.post(CALL)).text();
  expect(again).toContain('"io.toolgate/session":{"restarted":true}');
  expect(calls).toBe(2);
});

test(
  'an SSE server whose only connection is in use refuses a client with a reason, and discovery ' + 'uses it',
  async () => {
    const { url, open } = await startSse(
      ({ response, answer }) => (response.writeHead(202).end(), answer()),
      (now) => (now === 0 ? 200 : 409),
    );
    const grant = await grantFor(url);
    await expect.poll(open).toBe(0);
    const session = await openSession(grant);
    await expect(openSession(grant)).rejects.toThrow('the MCP server refused another connection while a session is');
    const { body } = await tenant.api('POST', `/v1/servers/${grant.serverId}/discover`);
    expect(body).toMatchObject({ status: 'ready', toolCount: 1 });
    expect((await session.post(CALL)).status).toBe(200);
  },
);

test('a session at an SSE server that never answers a POST keeps a bounded number of them open', async () => {
  let [open, most] = [0, 0];
  const { url } = await startSse(({ request, answer }) => {
    most = Math.max(most, (open += 1));
    request.socket.once('close', () => (open -= 1));
    answer();
  });
  const session = await openSession(await grantFor(url));
  for (let first = 100; first < 300; first += 20) {
    const ids = Array.from({ length: 20 }, (_, index) => first + index);
    const answers = await Promise.all(ids.map(async (id) => (await session.post({ ...CALL, id })).json()));
    expect(answers.map((one) => (one as Body).result?.content[0]?.text)).toEqual(ids.map(() => 'done'));
  }
  expect(most).toBeLessThan(150);
});
