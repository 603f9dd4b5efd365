/** The programs that `npm ci` does not install: they come into a temporary folder, in the versions named here. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { own, published } from './scenarios.mjs';

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BOTH_LINES = ['TypeScript SDK 1', 'TypeScript SDK 2'];
const NPM = [
  '@modelcontextprotocol/server-gitlab@2025.4.25',
  '@modelcontextprotocol/server-github@2025.4.8',
  '@modelcontextprotocol/server-filesystem@2026.8.31',
  '@modelcontextprotocol/server-memory@2026.8.31',
  '@notionhq/notion-mcp-server@2.5.2',
];
const PYTHON = {
  one: ['mcp==1.30.0'],
  two: ['mcp==2.3.0', 'mcp-server-git==2026.10.19', 'mcp-server-time==2026.10.19', 'mcp-server-fetch==2026.10.24'],
};

const python = (folder, name) => join(folder, name, 'bin', 'python');

const installPython = async (folder) => {
  for (const [name, packages] of Object.entries(PYTHON)) {
    await run('python3', ['-m', 'venv', join(folder, name)]);
    await run(python(folder, name), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  }
};

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

/** Installs all of them and answers the further clients and servers; `remove` takes them away again. */
export const install = async (say) => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-matrix-others-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  const began = Date.now();
  try {
    await Promise.all(['npm', 'files'].map((name) => mkdir(join(folder, name))));
    await writeFile(join(folder, 'files', 'note.txt'), 'a note\n');
    await run('git', ['init', '--quiet', join(folder, 'repository')]);
    await run('npm', ['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', join(folder, 'npm'), ...NPM]);
    await installPython(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  say(`installed the other programs in ${Math.round((Date.now() - began) / 1000)} s`);
  return {
    clients: pythonClients(folder),
    servers: [...pythonServers(folder), ...npmServers(folder)],
    remove,
  };
};
