/** The clients and servers that `npm ci` does not bring; `install.mjs` does. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { python } from './install.mjs';
import { own, published } from './scenarios.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BOTH_LINES = ['TypeScript SDK 1', 'TypeScript SDK 2'];

/** Cancelling a call there is a matter of the program, and a listener of its own hears of changes. */
const PYTHON_STEPS = ['list', 'call', 'failing', 'unknown', 'denial', 'after denial', 'limit', 'progress'];

const pythonClients = (folder) => {
  const program = (name, mode) => () => ({ command: python(folder, name), args: [here('clients/python.py'), mode] });
  const servers = ['TypeScript SDK 1', 'TypeScript SDK 2', 'Python SDK 1', 'Python SDK 2'];
  const only = [...PYTHON_STEPS, 'elicitation'];
  return [
    { name: 'Python SDK 1', servers, only: [...only, 'list_changed'], program: program('one', 'legacy') },
    { name: 'Python SDK 2', servers, only, program: program('two', 'auto') },
    { name: 'Python SDK 2, legacy', servers, only, program: program('two', 'legacy') },
  ];
};

const pythonServers = (folder) => {
  const at = (name, ...args) => ({ command: python(folder, name), args: [here('servers/python.py'), ...args] });
  const server = (line, name) => ({
    name: line,
    scenario: own,
    http: { path: '/mcp', programAt: (port) => at(name, 'http', String(port)) },
    sse: { path: '/sse', programAt: (port) => at(name, 'sse', String(port)) },
    stdio: at(name, 'stdio'),
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
  ];
};

/** The further clients and servers, from the folder that they were installed into. */
export const othersOf = (folder) => ({
  clients: pythonClients(folder),
  servers: [...pythonServers(folder), ...npmServers(folder)],
});
