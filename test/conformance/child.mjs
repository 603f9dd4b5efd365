import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const GRACE_MS = 3000;

const ended = (child) =>
  child.exitCode === null && child.signalCode === null
    ? new Promise((resolve) => child.once('exit', resolve))
    : Promise.resolve();

/**
 * Starts a fixture in a process of its own. `url` is what it printed; `stop` ends its standard input, and the process
 * if that is not enough.
 */
export const startFixture = (file, ...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const stop = async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await ended(child);
      clearTimeout(timer);
    };
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      const url = /^http:\S+/m.exec(out)?.[0];
      if (url !== undefined) resolve({ url, stop });
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} before it listened`)));
  });

/** Runs a program of Node to its end, killed after `timeoutMs`; its exit code is null when it was. */
export const runNode = (args, timeoutMs) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => void (output += chunk));
    const kill = () => child.kill('SIGKILL');
    const timer = setTimeout(kill, timeoutMs);
    process.once('exit', kill);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve({ code, output });
    });
  });
