import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseObject } from '../../../src/platform/json/json-object.js';
import { discover } from '../../../src/mcp/upstream/discover.js';
import type { Forward } from '../../../src/mcp/upstream/forward.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const RESULTS: Readonly<Record<string, unknown>> = {
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'slow', version: '1' },
  },
  'tools/list': { tools: [] },
};

/** A command of both eras that takes so long to start, which it does for each era. */
const slowCommand =
  (startMs: number): Forward =>
  ({ method, body }, sink) => {
    const { id, method: name } = parseObject(body?.toString('utf8') ?? '') ?? {};
    const isFirst = name === 'server/discover' || name === 'initialize';
    const timer = setTimeout(
      () => {
        sink.head(id === undefined || method !== 'POST' ? 202 : 200, {
          'content-type': 'application/json',
          'mcp-session-id': 'ses_1',
        });
        if (id !== undefined)
          sink.data(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: RESULTS[String(name)] })));
        sink.end();
      },
      isFirst ? startMs : 0,
    );
    return { resume: () => undefined, abort: () => clearTimeout(timer) };
  };

test('a command of both eras that takes nearly a third of the time to start is found to speak both', async () => {
  const found = discover(
    {
      forward: slowCommand(4900),
      server: {
        id: 'srv_1',
        organizationId: 'org_1',
        transport: { type: 'stdio', command: '/bin/server', args: [], env: {} },
        eras: [],
      },
      credential: {},
      grantId: 'srv_2',
    },
    15_000,
  );
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await found).toMatchObject({ status: 'ready', eras: ['modern', 'legacy'] });
});
