/** The processes of a run: servers that listen, and client programs that take commands. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 180_000;
const END_MS = 3000;
const alive = new Set();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts a program with nothing of this process's settings; its last output is kept for whoever reports a failure. */
const begin = ({ command, args, env = {} }, stdio) => {
  const { PATH, HOME } = process.env;
  const child = spawn(command, args, { env: { PATH, HOME, ...env }, stdio });
  alive.add(child);
  const output = { text: '' };
  const keep = (chunk) => (output.text = (output.text + chunk).slice(-4000));
  child.stderr?.on('data', keep);
  const ended = new Promise((resolve) => {
    child.once('error', (error) => keep(String(error)));
    child.once('close', () => {
      alive.delete(child);
      resolve();
    });
  });
  const end = async (signal = 'SIGTERM') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(timer);
  };
  return { child, output, keep, ended, end };
};

const answers = (port) =>
  fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }).then(
    async (response) => (await response.body?.cancel(), true),
    () => false,
  );

/** A server that listens on a port, and comes back there after `restart`. `programAt(port)` says what to run. */
export const startServer = async (programAt) => {
  const port = await freePort();
  let running;
  const start = async () => {
    running = begin(programAt(port), ['ignore', 'pipe', 'pipe']);
    running.child.stdout.on('data', running.keep);
    for (const until = Date.now() + READY_MS; !(await answers(port)); await sleep(50))
      if (Date.now() > until || running.child.exitCode !== null)
        throw new Error(`the server did not come up:\n${running.output.text}`);
  };
  await start();
  return {
    port,
    restart: async () => {
      await running.end('SIGKILL');
      await start();
    },
    stop: () => running.end('SIGKILL'),
  };
};

/**
 * A client program (see `clients/loop.mjs`). `ask` answers `{ok}`, `{failed}` or, where nothing comes in time,
 * `{failed: {message: 'no answer'}}`; `events` holds what the client was told since they were last taken.
 */
export const startClient = (program, timeoutMs = 70_000) => {
  const running = begin(program, ['pipe', 'pipe', 'pipe']);
  const waiting = new Map();
  let events = [];
  let count = 0;
  createInterface(running.child.stdout).on('line', (line) => {
    const message = line.startsWith('{') ? JSON.parse(line) : {};
    if (message.event !== undefined) events.push(message);
    const done = waiting.get(message.id);
    waiting.delete(message.id);
    done?.(message.failed ? { failed: message.failed } : { ok: message.ok });
  });
  running.child.stdin.on('error', () => undefined);
  void running.ended.then(() => {
    for (const done of waiting.values()) done({ failed: { message: `the client ended: ${running.output.text}` } });
  });
  const ask = (command, more = {}) =>
    new Promise((resolve) => {
      const id = (count += 1);
      const timer = setTimeout(() => {
        waiting.delete(id);
        resolve({ failed: { message: 'no answer' } });
      }, timeoutMs);
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      running.child.stdin.write(`${JSON.stringify({ id, do: command, ...more })}\n`);
    });
  const taken = () => {
    const all = events;
    events = [];
    return all;
  };
  return { ask, taken, pid: running.child.pid, end: () => running.end() };
};
