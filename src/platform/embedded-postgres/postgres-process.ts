import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { BARE_ENVIRONMENT, type PostgresAccount } from './postgres-account.js';

/**
 * A PostgreSQL program under its guard. `pid` is undefined when it could not be started; `exited` gives the exit code.
 */
export type GuardedProcess = Readonly<{
  pid: Promise<number | undefined>;
  exited: Promise<number>;
  /** Stops it and waits. */
  end(): Promise<number>;
  /** From here on it doesn't keep Node running. */
  unref(): void;
}>;

/**
 * Runs a PostgreSQL program so that it can't outlive this process by more than 5 s (postgres-guard.mjs). It is in a
 * session of its own, so that Ctrl-C reaches us first and PostgreSQL when we end it. Output goes to the open file
 * `log`.
 */
export function runGuarded(account: PostgresAccount, command: readonly string[], log: number): GuardedProcess {
  const [program = '', ...args] = [...account.prefix, ...command];
  const order = JSON.stringify({ command: program, args, uid: account.uid, gid: account.uid });
  const guard = fileURLToPath(new URL('./postgres-guard.mjs', import.meta.url));
  const child = spawn(process.execPath, [guard, order], {
    detached: true,
    cwd: '/',
    env: BARE_ENVIRONMENT,
    stdio: ['pipe', 'pipe', log],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the guard has no pipes');
  const exited = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 137));
  });
  const pid = new Promise<number | undefined>((resolve) => {
    stdout.once('data', (data: Buffer) => resolve(Number.parseInt(data.toString(), 10)));
    exited.then(() => resolve(undefined)).catch(() => undefined);
  });
  stdin.on('error', () => undefined);
  return {
    pid,
    exited,
    end: () => {
      child.ref();
      stdin.end();
      return exited;
    },
    unref: () => {
      child.unref();
      for (const pipe of [stdin, stdout]) (pipe as Socket).unref();
    },
  };
}
