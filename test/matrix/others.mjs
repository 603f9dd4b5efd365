/** The clients and servers that `npm ci` does not bring; `install.mjs` does. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasGo, hasRust, newerNode, python, rustProgram } from './install.mjs';
import { own, published } from './scenarios.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BOTH_LINES = ['TypeScript SDK 1', 'TypeScript SDK 2'];

const OFFICIAL = ['TypeScript SDK 1', 'TypeScript SDK 2', 'Python SDK 1', 'Python SDK 2'];

/** Cancelling a call there is a matter of the program, and a listener of its own hears of changes. */
const PYTHON_STEPS = ['list', 'call', 'failing', 'unknown', 'denial', 'after denial', 'limit', 'progress'];

const pythonClients = (folder) => {
  const program = (name, mode) => () => ({ command: python(folder, name), args: [here('clients/python.py'), mode] });
  const fast = (name) => () => ({ command: python(folder, name), args: [here('clients/fastmcp_client.py')] });
  const only = [...PYTHON_STEPS, 'elicitation'];
  return [
    { name: 'Python SDK 1', servers: OFFICIAL, only: [...only, 'list_changed'], program: program('one', 'legacy') },
    { name: 'Python SDK 2', servers: OFFICIAL, only, program: program('two', 'auto') },
    { name: 'Python SDK 2, legacy', servers: OFFICIAL, only, program: program('two', 'legacy') },
    { name: 'FastMCP 2', servers: [...OFFICIAL, 'FastMCP 2'], only, program: fast('fastmcp-two') },
    { name: 'FastMCP 4', servers: [...OFFICIAL, 'FastMCP 4'], only, program: fast('fastmcp-four') },
  ];
};

/** A server with the tools of the matrix over each transport; `program` answers how it is started. */
const onThree = (name, program) => ({
  name,
  scenario: own,
  http: { path: '/mcp', programAt: (port) => program('http', String(port)) },
  sse: { path: '/sse', programAt: (port) => program('sse', String(port)) },
  stdio: program('stdio'),
});

const pythonServers = (folder) => {
  const at = (name, ...args) => ({ command: python(folder, name), args: [here('servers/python.py'), ...args] });
  const server = (line, name) => onThree(line, (...args) => at(name, ...args));
  const fast = (line, name) => ({
    ...onThree(line, (...args) => ({
      command: python(folder, name),
      args: [here('servers/fastmcp_server.py'), ...args],
    })),
    clients: [...BOTH_LINES, line],
  });
  const tool = (name, module, args, scenario) => ({
    name,
    scenario: published(scenario),
    clients: BOTH_LINES,
    stdio: { command: python(folder, 'two'), args: ['-m', module, ...args] },
  });
  const repository = join(folder, 'repository');
  return [
    server('Python SDK 1', 'one'),
    server('Python SDK 2', 'two'),
    fast('FastMCP 2', 'fastmcp-two'),
    fast('FastMCP 4', 'fastmcp-four'),
    tool('mcp-server-git', 'mcp_server_git', ['--repository', repository], {
      allowed: 'git_status',
      args: { repo_path: repository },
      denied: 'git_commit',
    }),
    tool('mcp-server-time', 'mcp_server_time', [], {
      allowed: 'convert_time',
      args: { source_timezone: 'UTC', target_timezone: 'Asia/Tokyo', time: '12:00' },
      denied: 'get_current_time',
      isVolatile: true,
    }),
    tool('mcp-server-fetch', 'mcp_server_fetch', [], {
      allowed: 'fetch',
      args: { url: 'http://127.0.0.1:9/' },
      denied: 'fetch_all',
      isVolatile: true,
    }),
  ];
};

const npmServers = (folder) => {
  const script = (name, path) => join(folder, 'npm', 'node_modules', ...name.split('/'), path);
  const files = join(folder, 'files');
  const server = (name, path, scenario, { args = [], env = {} } = {}) => ({
    name: name.replace('@modelcontextprotocol/', ''),
    scenario: published(scenario),
    clients: BOTH_LINES,
    stdio: { command: process.execPath, args: [script(name, path), ...args], env },
  });
  return [
    server(
      '@modelcontextprotocol/server-gitlab',
      'dist/index.js',
      {
        allowed: 'get_file_contents',
        args: { project_id: '1', file_path: 'a' },
        denied: 'create_issue',
        isVolatile: true,
      },
      { env: { GITLAB_API_URL: 'http://127.0.0.1:9', GITLAB_PERSONAL_ACCESS_TOKEN: 'glpat-matrix' } },
    ),
    server('@modelcontextprotocol/server-github', 'dist/index.js', {
      allowed: 'search_repositories',
      args: {},
      denied: 'create_issue',
      isVolatile: true,
    }),
    server(
      '@modelcontextprotocol/server-filesystem',
      'dist/index.js',
      { allowed: 'list_directory', args: { path: files }, denied: 'write_file' },
      { args: [files] },
    ),
    server(
      '@modelcontextprotocol/server-memory',
      'dist/index.js',
      { allowed: 'read_graph', denied: 'delete_entities' },
      { env: { MEMORY_FILE_PATH: join(files, 'memory.jsonl') } },
    ),
    server(
      '@notionhq/notion-mcp-server',
      'bin/cli.mjs',
      { allowed: 'API-get-self', denied: 'API-delete-a-block', isVolatile: true },
      { env: { NOTION_TOKEN: 'ntn_matrix', BASE_URL: 'http://127.0.0.1:9' } },
    ),
    server('@playwright/mcp', 'cli.js', { allowed: 'browser_close', denied: 'browser_evaluate', isVolatile: true }),
    server(
      'mongodb-mcp-server',
      'dist/esm/index.js',
      { allowed: 'list-databases', denied: 'drop-database', isVolatile: true },
      { env: { DO_NOT_TRACK: '1', MDB_MCP_TELEMETRY: 'disabled' } },
    ),
  ];
};

const goPrograms = (folder) => {
  const at = (name, ...args) => ({ command: join(folder, 'go', name), args });
  const server = (name, program) => ({
    ...onThree(name, (...args) => at(program, ...args)),
    clients: [...BOTH_LINES, 'Go SDK', 'mcp-go'],
  });
  return {
    clients: [
      { name: 'Go SDK', servers: [...OFFICIAL, 'Go SDK', 'mcp-go'], program: () => at('sdk-client') },
      { name: 'mcp-go', servers: [...OFFICIAL, 'Go SDK', 'mcp-go'], program: () => at('mcpgo-client') },
    ],
    servers: [server('Go SDK', 'sdk-server'), server('mcp-go', 'mcpgo-server')],
  };
};

const rustPrograms = (folder) => {
  const at = (name, ...args) => ({ command: rustProgram(folder, name), args });
  const client = (name, mode) => ({
    name,
    reaches: ['http', 'stdio'],
    servers: [...OFFICIAL, 'rmcp'],
    program: () => at('rmcp-client', mode),
  });
  return {
    clients: [client('rmcp', 'auto'), client('rmcp, legacy', 'legacy')],
    servers: [
      {
        name: 'rmcp',
        scenario: own,
        clients: [...BOTH_LINES, 'rmcp', 'rmcp, legacy'],
        http: { path: '/mcp', programAt: (port) => at('rmcp-server', 'http', String(port)) },
        stdio: at('rmcp-server', 'stdio'),
      },
    ],
  };
};

const mcporter = (folder) => ({
  name: 'mcporter',
  reaches: ['http'],
  servers: BOTH_LINES,
  only: ['list', 'call', 'failing', 'denial', 'after denial'],
  program: () => ({
    command: process.execPath,
    args: [
      here('clients/mcporter.mjs'),
      newerNode(folder),
      join(folder, 'npm', 'node_modules', 'mcporter', 'dist', 'cli.js'),
    ],
  }),
});

/** The further clients and servers, from the folder that they were installed into. */
export const othersOf = async (folder) => {
  const none = { clients: [], servers: [] };
  const go = (await hasGo()) ? goPrograms(folder) : none;
  const rust = (await hasRust()) ? rustPrograms(folder) : none;
  return {
    clients: [
      ...pythonClients(folder),
      ...go.clients,
      ...rust.clients,
      ...(newerNode(folder) ? [mcporter(folder)] : []),
    ],
    servers: [...pythonServers(folder), ...go.servers, ...rust.servers, ...npmServers(folder)],
  };
};
