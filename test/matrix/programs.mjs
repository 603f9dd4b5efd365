/** The clients and servers of the matrix, and what each needs. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { own, published } from './scenarios.mjs';

const require = createRequire(import.meta.url);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const packageFolder = (name) => dirname(require.resolve(`${name}/package.json`));
const node = (path, ...args) => ({ command: process.execPath, args: [path, ...args] });

const REMOTE = () => join(packageFolder('mcp-remote'), 'dist', 'proxy.js');
const bearerOf = (headers) => (headers?.authorization ? ['--header', `Authorization: ${headers.authorization}`] : []);

/**
 * `program` answers what to run; `targetOf` what `connect` gets, where that is not the target itself; `only` names the
 * steps that the client is able to take; `reaches` the transports that it has of its own.
 */
export const clients = [
  { name: 'TypeScript SDK 1', program: () => node(here('clients/ts-v1.mjs')) },
  { name: 'TypeScript SDK 2', program: () => node(here('clients/ts-v2.mjs'), 'auto') },
  { name: 'TypeScript SDK 2, legacy', program: () => node(here('clients/ts-v2.mjs'), 'legacy') },
  {
    name: 'mcp-remote',
    reaches: ['http', 'sse'],
    program: () => node(here('clients/ts-v1.mjs')),
    targetOf: ({ url, sse, headers }) => ({
      ...node(REMOTE(), url, '--allow-http', '--transport', sse ? 'sse-only' : 'http-only', ...bearerOf(headers)),
      env: { MCP_REMOTE_CONFIG_DIR: here('../../node_modules/.cache/mcp-remote') },
    }),
  },
  {
    name: 'Inspector CLI',
    reaches: ['http'],
    program: () => node(here('clients/inspector.mjs')),
    only: ['list', 'call', 'failing', 'denial', 'after denial'],
    servers: ['TypeScript SDK 1', 'TypeScript SDK 2'],
  },
];

const fixture = (file) => ({
  http: { path: '/mcp', programAt: (port) => node(here(`servers/${file}`), 'http', String(port)) },
  stdio: node(here(`servers/${file}`), 'stdio'),
});
const everything = () => join(packageFolder('@modelcontextprotocol/server-everything'), 'dist', 'index.js');
const gitlab = () => join(packageFolder('@zereight/mcp-gitlab'), 'build', 'index.js');
const loopbackOnly = here('../support/loopback-only.mjs');

/** Each with the transports that it has: how it is started on a port, or as a child. */
export const servers = [
  {
    name: 'TypeScript SDK 1',
    scenario: own,
    ...fixture('ts-v1.mjs'),
    sse: { path: '/sse', programAt: (port) => node(here('servers/ts-v1.mjs'), 'sse', String(port)) },
  },
  { name: 'TypeScript SDK 2', scenario: own, ...fixture('ts-v2.mjs') },
  {
    name: 'server-everything',
    scenario: published({ allowed: 'echo', args: { message: 'hello' }, denied: 'get-sum' }),
    clients: ['TypeScript SDK 1', 'TypeScript SDK 2'],
    http: {
      path: '/mcp',
      programAt: (port) => ({ ...node(everything(), 'streamableHttp'), env: { PORT: String(port) } }),
    },
    stdio: node(everything(), 'stdio'),
  },
  {
    name: '@zereight/mcp-gitlab',
    scenario: published({ allowed: 'list_projects', denied: 'delete_issue', isVolatile: true }),
    clients: ['TypeScript SDK 1', 'TypeScript SDK 2'],
    stdio: {
      ...node(gitlab()),
      args: ['--import', loopbackOnly, gitlab()],
      env: {
        GITLAB_API_URL: 'http://127.0.0.1:9/api/v4',
        GITLAB_PERSONAL_ACCESS_TOKEN: 'glpat-matrix',
        GITLAB_DISABLE_VERSION_CHECK: 'true',
      },
    },
  },
];

export const TRANSPORTS = ['http', 'sse', 'stdio'];

/** Every pair of a client and a server over one of its transports. */
export const pairsOf = (allClients, allServers) =>
  allServers.flatMap((server) =>
    TRANSPORTS.filter((transport) => server[transport]).flatMap((transport) =>
      allClients
        .filter(({ reaches = TRANSPORTS }) => reaches.includes(transport))
        .filter(({ name }) => !server.clients || server.clients.includes(name))
        .filter((client) => !client.servers || client.servers.includes(server.name))
        .map((client) => ({ client, server, transport })),
    ),
  );
