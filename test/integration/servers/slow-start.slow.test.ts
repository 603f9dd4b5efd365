import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';

const { test, tenant } = tenantTest({ ALLOW_STDIO: process.execPath, SIGNUP: 'open' });

/** A command that answers its first request only 12 seconds after its start, as npx does while it downloads. */
const SLOW = `setTimeout(() => {
  const lines = require('node:readline').createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { id, method } = JSON.parse(line);
    if (id === undefined) return;
    const results = {
      initialize: {
  protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'slow', version: '1' },
  },
      'tools/list': { tools: [{ name: 'work', inputSchema: { type: 'object' } }] },
    };
    const answer = results[method] ? { result: results[method] } : { error: { code: -32601, message: 'no' } };
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
}, 12_000);`;

test(
  'A command that takes long to start for the first time is said to be starting, and becomes ' + 'ready by itself',
  async () => {
    const created = await tenant.api('POST', '/v1/servers', {
      name: 'slow',
      transport: { type: 'stdio', command: process.execPath, args: ['-e', SLOW], env: {} },
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      status: 'unreachable',
      statusDetail: expect.stringContaining('still starting'),
    });
    const path = `/v1/servers/${String(created.body['id'])}`;
    await expect
      .poll(async () => (await tenant.api('GET', path)).body['status'], { timeout: 120_000, interval: 500 })
      .toBe('ready');
    expect((await tenant.api('GET', path)).body).toMatchObject({ toolCount: 1, statusDetail: null });
  },
  180_000,
);
