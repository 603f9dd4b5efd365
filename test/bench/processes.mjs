/** The bench's child processes: started pinned where taskset exists, asked over IPC, ended with the bench. */
import { execFileSync, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const ASK_MS = 60_000;
const END_MS = 5000;
const children = new Set();

const hasTaskset = () => {
  try {
    execFileSync('taskset', ['-cp', String(process.pid)], { stdio: 'ignore' });
    return cpus().length > 1;
  } catch {
    return false;
  }
};

const pinning = hasTaskset();
const last = cpus().length - 1;

/**
 * Which cores the parts run on. With two cores PostgreSQL, Kafka and the projector go where there is room: beside the
 * load alone they would starve.
 */
export const cores = pinning ? { gateway: '0', load: '1', rest: last > 1 ? `2-${last}` : `0-${last}` } : undefined;

/** Pins a running process, and with it whatever it starts from now on. */
export const pin = (pid, where) => {
  if (cores) execFileSync('taskset', ['-acp', cores[where], String(pid)], { stdio: 'ignore' });
};

/** Starts a script of this folder and resolves to `{pid, ready, ask, end}` when it says that it is ready. */
export const start = (script, { args = [], env = {}, where = 'rest' } = {}) =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    children.add(child);
    pin(child.pid, where);
    let said = '';
    child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
    const waiting = new Map();
    let count = 0;
    const ask = (what, more = {}) =>
      new Promise((done, fail) => {
        count += 1;
        const timer = setTimeout(() => fail(new Error(`${script} did not answer "${what}"`)), ASK_MS);
        waiting.set(count, { done, fail, timer });
        child.send({ n: count, ask: what, ...more });
      });
    const end = () =>
      new Promise((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done();
        const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
        child.once('exit', () => {
          clearTimeout(late);
          done();
        });
        // A child that loses its parent exits by itself.
        child.disconnect();
      });
    child.on('message', ({ ready, n, given, failed }) => {
      if (ready !== undefined) return resolve({ pid: child.pid, ready, ask, end });
      const { done, fail, timer } = waiting.get(n);
      waiting.delete(n);
      clearTimeout(timer);
      if (failed === undefined) done(given);
      else fail(new Error(failed));
    });
    child.once('exit', (code, signal) => {
      children.delete(child);
      const error = new Error(`${script} ended (${code ?? signal}):\n${said}`);
      for (const { fail, timer } of waiting.values()) {
        clearTimeout(timer);
        fail(error);
      }
      reject(error);
    });
  });

export const endAll = () => {
  for (const child of children) child.kill('SIGKILL');
};

const statOf = (pid) => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
};

/** CPU time of one of these processes in microseconds, as it says itself. */
export const cpuOf = async (one) => (await one.ask('cpu')).micros;

/**
 * CPU time of a server and each of its children in microseconds, by pid, in steps of 10 ms; undefined where there is no
 * /proc.
 */
export const cpuOfFamily = (pid) => {
  if (statOf(pid) === undefined) return undefined;
  const times = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat && (name === String(pid) || stat[1] === String(pid)))
      times.set(name, (Number(stat[11]) + Number(stat[12])) * 10_000);
  }
  return times;
};

/** What a family used in between; a child that ended meanwhile is not counted. */
export const familyGrowth = (before, after) =>
  after && before && [...after].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0);
