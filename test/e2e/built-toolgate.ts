import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isKafka, testLog, type TestLog } from '../support/test-log.js';

export type Ended = Readonly<{
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
  afterMs: number;
}>;

/**
 * The built product in a process group of its own; `readyMs` is the time from its start to its first `/readyz` with
 * 200.
 */
export type BuiltToolgate = Readonly<{
  url: string;
  banner: string;
  pid: number;
  readyMs: number;
  end: (signal?: NodeJS.Signals) => Promise<Ended>;
  killGroup: () => Promise<Ended>;
}>;

type Program = Readonly<{
  pid: number;
  text: { out: string; err: string };
  ended: Promise<Ended>;
  isOver: () => boolean;
  signal: (name: NodeJS.Signals) => void;
}>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 180_000;

const alive = new Set<number>();
process.once('exit', () => {
  for (const pid of alive) process.kill(-pid, 'SIGKILL');
});

/** Runs `node src/start.mjs` with nothing of this process's settings. */
const begin = (args: readonly string[], env: Readonly<Record<string, string>>): Program => {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['src/start.mjs', ...args], {
    cwd: root,
    detached: true,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? 0;
  const text = { out: '', err: '' };
  let over = false;
  const closed = new Promise((resolve) => child.once('close', resolve));
  let signalledAt = performance.now();
  alive.add(pid);
  child.stdout.on('data', (data: Buffer) => (text.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (text.err += data.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true;
      alive.delete(pid);
      const afterMs = performance.now() - signalledAt;
      // What it printed last may still be in the pipe; a process of its that outlives it would keep the pipe open.
      void Promise.race([closed, sleep(500)]).then(() => resolve({ code, signal, ...text, afterMs }));
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    signalledAt = performance.now();
    child.kill(name);
  };
  return { pid, text, ended, isOver: () => over, signal };
};

export const temporaryDataFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'toolgate-e2e-'));

/**
 * Removes a data folder once its PostgreSQL, which ends by itself after a killed Toolgate, has removed its pid file.
 */
export const removeDataFolder = async (dataDir: string): Promise<void> => {
  const file = postmasterFile(dataDir);
  for (let tries = 0; tries < 100 && file !== undefined && existsSync(file); tries += 1) await sleep(50);
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
};

/** Runs one of the programs of the built product to its end. */
export const runBuilt = (name: string, args: readonly string[], dataDir: string): Promise<Ended> =>
  begin(['--run', name, ...args], { DATA_DIR: dataDir }).ended;

/** Builds what is stale, so that the start that follows is a start alone. */
export const build = async (): Promise<void> => {
  const { code, err } = await begin(['--build-only'], {}).ended;
  if (code !== 0) throw new Error(err);
};

const logs = new Map<string, Promise<TestLog>>();

/** With a run that keeps logs in Kafka, the one that belongs to this data folder, also after a restart. */
const logSettings = async (dataDir: string): Promise<Readonly<Record<string, string>>> => {
  if (!isKafka()) return {};
  const log = logs.get(dataDir) ?? testLog('');
  logs.set(dataDir, log);
  return (await log).env;
};

/**
 * Starts the built product with its defaults (embedded PostgreSQL) on a free port, and waits until it may take traffic.
 */
export const startBuilt = async (
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BuiltToolgate> => {
  const began = performance.now();
  const program = begin([], { PORT: '0', DATA_DIR: dataDir, ...(await logSettings(dataDir)), ...env });
  const giveUp = async (): Promise<never> => {
    if (!program.isOver()) process.kill(-program.pid, 'SIGKILL');
    await program.ended;
    throw new Error(`Toolgate did not become ready: ${program.text.out}\n${program.text.err}`);
  };
  for (;;) {
    if (program.isOver() || performance.now() - began > READY_MS) await giveUp();
    const url = /^ +(?:Listens +(http:\S+)|Gateway +(http:\S+)\/mcp\/.*)$/m
      .exec(program.text.out)
      ?.slice(1)
      .find((one) => one !== undefined);
    if (
      url !== undefined &&
      (await fetch(`${url}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      ))
    ) {
      return {
        url,
        banner: program.text.out,
        pid: program.pid,
        readyMs: performance.now() - began,
        end: (signal = 'SIGINT') => {
          program.signal(signal);
          return program.ended;
        },
        killGroup: () => {
          process.kill(-program.pid, 'SIGKILL');
          return program.ended;
        },
      };
    }
    await sleep(10);
  }
};

const postmasterFile = (dataDir: string): string | undefined => {
  const name = readdirSync(dataDir, { recursive: true })
    .map(String)
    .find((path) => path.endsWith('postmaster.pid'));
  return name === undefined ? undefined : join(dataDir, name);
};

/** The process id of the PostgreSQL that serves a data folder, by its own pid file. */
export const postmasterOf = (dataDir: string): number => {
  const file = postmasterFile(dataDir);
  if (file === undefined || !existsSync(file)) throw new Error(`no PostgreSQL serves ${dataDir}`);
  return Number(readFileSync(file, 'utf8').split('\n')[0]);
};

export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
