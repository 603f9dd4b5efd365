import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const START = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));
const READY_MS = 180_000;

/** The built product in a process group of its own. */
export type Product = Readonly<{
  url: string;
  pid: number;
  output: () => string;
  signal: (signal: NodeJS.Signals) => Promise<number | null>;
  killGroup: () => Promise<void>;
  startedMs: number;
}>;

const exited = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', (code) => resolve(code)));

/**
 * Starts `node src/start.mjs` with these variables and nothing else of the environment but PATH and HOME, on a free
 * port, and resolves when its banner says that it is ready. `killGroup` is kill -9 of the whole process group.
 */
export const startProduct = (env: Readonly<Record<string, string>>): Promise<Product> =>
  new Promise((resolve, reject) => {
    const began = Date.now();
    const child = spawn(process.execPath, [START], {
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', PORT: '0', ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    let output = '';
    const timer = setTimeout(() => reject(new Error(`not ready in ${READY_MS} ms:\n${output}`)), READY_MS);
    const seen = (chunk: Buffer): void => {
      output += chunk.toString();
      const url = /API\s+(http:\S+?)\/v1/.exec(output)?.[1];
      if (url === undefined || pid === undefined) return;
      clearTimeout(timer);
      resolve({
        url,
        pid,
        output: () => output,
        signal: (signal) => {
          process.kill(pid, signal);
          return exited(child);
        },
        killGroup: async () => {
          if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
          await exited(child);
        },
        startedMs: Date.now() - began,
      });
    };
    child.stdout.on('data', seen);
    child.stderr.on('data', seen);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready:\n${output}`)));
  });
