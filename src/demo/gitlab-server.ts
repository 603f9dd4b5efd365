import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `log` is what the server has printed, for when something goes wrong. */
export type GitLabServer = Readonly<{
  url: string;
  version: string;
  pid: number;
  log: () => string;
  close: () => Promise<void>;
}>;

/** How this server names the tool that cancels a job; it is off unless asked for. */
export const CANCEL_TOOL = 'cancel_pipeline_job';

const READY_MS = 30_000;
const STOP_MS = 3000;
const MAX_LOG_CHARACTERS = 20_000;

/** The server can't say which port it got, so it is given one that was free a moment ago. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** @throws when the packages for development are not installed. */
const installed = (): Readonly<{ script: string; version: string }> => {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve('@zereight/mcp-gitlab/package.json');
    return {
      script: join(dirname(manifest), 'build', 'index.js'),
      version: (require(manifest) as { version: string }).version,
    };
  } catch (error) {
    throw new Error('@zereight/mcp-gitlab is not installed: run "npm ci" without NODE_ENV=production', {
      cause: error,
    });
  }
};

const exited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const stop = async (child: ChildProcess): Promise<void> => {
  if (exited(child)) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
};

const waitUntilUp = async (child: ChildProcess, origin: string, log: () => string): Promise<void> => {
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(50)) {
    if (exited(child)) throw new Error(`the GitLab MCP server ended at its start:\n${log()}`);
    const up = await fetch(`${origin}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
  }
  throw new Error(`the GitLab MCP server was not up within ${READY_MS / 1000} s:\n${log()}`);
};

/**
 * Starts the real GitLab MCP server (npm: @zereight/mcp-gitlab) for Streamable HTTP on a free port of 127.0.0.1. It
 * holds no credential of its own: it wants one in a header of each session (`REMOTE_AUTHORIZATION`) and sends that one
 * to the API. Its environment is these variables alone.
 * @throws when it is not installed or does not come up within 30 s; then nothing is left running.
 */
export const startGitLabServer = async (apiUrl: string): Promise<GitLabServer> => {
  const { script, version } = installed();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = {
    STREAMABLE_HTTP: 'true',
    REMOTE_AUTHORIZATION: 'true',
    HOST: '127.0.0.1',
    PORT: String(port),
    GITLAB_API_URL: apiUrl,
    GITLAB_TOOLS: CANCEL_TOOL,
    GITLAB_DISABLE_VERSION_CHECK: 'true',
    MAX_REQUESTS_PER_MINUTE: '1000',
  };
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const keep = (chunk: Buffer): void => void (printed = (printed + chunk.toString()).slice(-MAX_LOG_CHARACTERS));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const close = async (): Promise<void> => {
    await stop(child);
    process.off('exit', killAtExit);
  };
  await waitUntilUp(child, origin, () => printed).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { url: `${origin}/mcp`, version, pid: child.pid ?? 0, log: () => printed, close };
};
