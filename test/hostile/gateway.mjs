/** The gateway under test: the built product, a process of its own on a temporary folder and a free port. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const START = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));
const OBSERVED = pathToFileURL(fileURLToPath(new URL('observed.mjs', import.meta.url))).href;
const READY_MS = 180_000;
/** So few sessions at a stdio or SSE server that each pass fills the quota: what they leave open is comparable. */
const MAX_SESSIONS_PER_GRANT = '6';
const STOP_MS = 20_000;

const ready = (child, output) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the gateway was not ready in ${READY_MS} ms:\n${output.text}`)),
      READY_MS,
    );
    const look = () => {
      const url = /API\s+(http:\S+?)\/v1/.exec(output.text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      child.stdout.off('data', look);
      resolve(url);
    };
    child.stdout.on('data', look);
    child.once('exit', (code, signal) =>
      reject(new Error(`the gateway ended with ${code ?? signal}:\n${output.text.slice(-4000)}`)),
    );
  });

export const startGateway = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-lab-'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    PORT: '0',
    DATA_DIR: dataDir,
    ALLOW_STDIO: process.execPath,
    UPSTREAM_TIMEOUT: '10',
    MAX_SESSIONS_PER_GRANT,
  };
  const child = spawn(process.execPath, ['--expose-gc', '--import', OBSERVED, START], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = { text: '' };
  const keep = (chunk) => {
    output.text = (output.text + chunk).slice(-200_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const url = await ready(child, output);
  /** Asks observed.mjs in the gateway's process. */
  const ask = (what) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the gateway did not tell its ${what}`)), 60_000);
      child.once('message', (message) => {
        clearTimeout(timer);
        resolve(message[what]);
      });
      child.send({ ask: what });
    });
  const stop = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    if (!isOver()) child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  return { url, port: Number(new URL(url).port), pid: child.pid, isOver, ask, stop, output };
};
