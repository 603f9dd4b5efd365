import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, textOf } from '../../support/tenant.js';

const { test, tenant } = tenantTest();

/** A server of the official SDK with one transport for all: it refuses every `initialize` after the first. */
const startOneSession = async (): Promise<Readonly<{ url: string; close: () => void }>> => {
  const mcp = new Server({ name: 'one', version: '1' }, { capabilities: { tools: {} } });
  mcp.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'hello', inputSchema: { type: 'object' } }],
  }));
  mcp.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: 'text', text: 'hello' }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
  await mcp.connect(transport as Parameters<Server['connect']>[0]);
  const server = createServer((request, response) => void transport.handleRequest(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, close };
};

test('a server with one session for all serves its first client, and discoveries beside it', async () => {
  const { url, close } = await startOneSession();
  const serverId = await tenant.server(url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  const client = await connect(await tenant.grant({ serverId, policyId }));
  expect(textOf(await client.callTool({ name: 'hello', arguments: {} }))).toBe('hello');
  const { body } = await tenant.api('POST', `/v1/servers/${serverId}/discover`);
  expect(body).toMatchObject({ status: 'ready', toolCount: 1 });
  expect(textOf(await client.callTool({ name: 'hello', arguments: {} }))).toBe('hello');
  await client.close();
  close();
});
