/** The agents of an organization: one for each transport. */
import { fileURLToPath } from 'node:url';
import { Agent } from './tenant.mjs';

export const POLICY = {
  version: '1',
  default: 'allow',
  hide: ['hidden', 'hid*n*'],
  tools: {
    denied: { action: 'deny' },
    limited: { limits: [{ counter: 'c', window: 'minute', max: 5, scope: 'grant' }] },
  },
  resources: { 'file:///secret*': { action: 'deny' } },
};

const STDIO = fileURLToPath(new URL('hostile-stdio.mjs', import.meta.url));
const transports = ({ port, kind, seed }) => ({
  'http of the session era': { type: 'streamable-http', url: `http://127.0.0.1:${port}/${kind}/mcp` },
  'http of 2026-07-28': { type: 'streamable-http', url: `http://127.0.0.1:${port}/${kind}/modern` },
  'http and sse': { type: 'sse', url: `http://127.0.0.1:${port}/${kind}/sse` },
  stdio: { type: 'stdio', command: process.execPath, args: [STDIO, kind, String(seed)], env: {} },
});

/** Makes an agent for each transport to the servers of this kind, `good` or `evil`. */
export const agentsOf = async (organization, gatewayPort, servers) => {
  const agents = [];
  for (const [name, transport] of Object.entries(transports(servers))) {
    const grant = await organization.grant(`${servers.kind}, ${name}`, transport, POLICY);
    agents.push(new Agent(gatewayPort, grant));
  }
  return agents;
};
