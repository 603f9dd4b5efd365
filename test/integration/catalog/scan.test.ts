import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readClientConfig } from '../../../src/control-plane/catalog/scan/client-config.js';
import { scanConfig } from '../../../src/control-plane/catalog/scan/scan-config.js';
import { scanServer } from '../../../src/control-plane/catalog/scan/scan-server.js';
import { makeHttpClient } from '../../../src/mcp/http-client/http-client.js';
import { openTransports } from '../../../src/mcp/transports/transports.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { aTool, startUpstream } from '../../support/upstream.js';

const STDIO_SERVER = fileURLToPath(new URL('../../support/stdio-server.mjs', import.meta.url));

const { forward, stop } = openTransports({
  http: makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }).connector),
  stdio: { allow: [process.execPath], variables: ['*_TOKEN'], environment: process.env, isolation: undefined },
  isGrantActive: () => true,
});
afterAll(stop);

const scan = async (mcpServers: object, isStarted: boolean): Promise<string> => {
  const starting = isStarted ? { forwardFor: () => forward, variables: { FROM_OUTSIDE: 'canary-outside' } } : undefined;
  const config = readClientConfig(JSON.stringify({ mcpServers }), false);
  return (await scanConfig({ config, gateways: [], entries: [], starting })).join('\n');
};

describe('A scan', () => {
  test('of a URL lists and classifies all tools, and says so when a sign-in is wanted', async () => {
    const upstream = await startUpstream({
      tools: [aTool('list_jobs'), aTool('cancel_job'), aTool('delete_job')],
      pageSize: 1,
    });
    const target = { transport: { type: 'streamable-http', url: new URL(upstream.url) } } as const;
    const found = await scanServer(forward, target);
    expect(found).toMatchObject({ ok: true, name: 'test-upstream', version: '1.2.3' });
    expect(found.ok && found.tools.map(({ name, category }) => [name, category])).toEqual([
      ['list_jobs', 'Read'],
      ['cancel_job', 'Execute'],
      ['delete_job', 'Destructive'],
    ]);
    upstream.setIntercept((_request, response) => {
      response.writeHead(401).end();
      return true;
    });
    expect(await scanServer(forward, target)).toMatchObject({ ok: false, status: 'needs_sign_in' });
    await upstream.close();
  });

  test('of a configuration starts nothing unless it is told to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'toolgate-scan-'));
    const mark = join(folder, 'started');
    const touch = {
      command: process.execPath,
      args: ['-e', `require('fs').writeFileSync(${JSON.stringify(mark)}, '')`],
    };
    expect(await scan({ touch }, false)).toContain('--start asks it for them');
    expect(existsSync(mark)).toBe(false);
    expect(await scan({ touch: { ...touch, disabled: true } }, true)).toContain('switched off');
    expect(existsSync(mark)).toBe(false);
    expect(await scan({ touch }, true)).toContain('it did not answer as an MCP server does');
    expect(existsSync(mark)).toBe(true);
    await rm(folder, { recursive: true });
  });

  test('of a server that is started shows its tools, and nothing that it was given, also when it fails', async () => {
    const env = { API_TOKEN: '${FROM_OUTSIDE}', OTHER_TOKEN: 'canary-token' };
    const works = { command: process.execPath, args: [STDIO_SERVER, 'canary-argument'], env };
    const tell = 'process.stderr.write(JSON.stringify([process.argv, process.env])); process.exit(1)';
    const fails = { command: process.execPath, args: ['-e', tell, 'canary-argument'], env };
    const shown = await scan({ works, fails }, true);
    expect(shown).toMatch(/works: the command node with 2 arguments; it is given the variables API_TOKEN, OTHER_TOKEN/);
    expect(shown).toMatch(/\d\d tools \(/);
    expect(shown).toContain('it did not answer as an MCP server does');
    expect(shown).not.toContain('canary');
  });
});
