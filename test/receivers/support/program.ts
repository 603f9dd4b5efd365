import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const guard = fileURLToPath(new URL('../../../src/platform/embedded-postgres/postgres-guard.mjs', import.meta.url));
const READY_MS = 40_000;

/** A program that a test started; it ends with the test's process, however that ends. */
export type Program = Readonly<{
  output: () => string;
  /** `kill -9`, or SIGSTOP and SIGCONT. */
  signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM') => void;
  stop: () => Promise<void>;
}>;

/** A port of loopback that nobody listens on. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

type Order = Readonly<{
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  port: number;
}>;

const launch = async (
  { command, args, env }: Order,
  heard: (text: string) => void,
): Promise<Readonly<{ child: ChildProcess; pid: number }>> => {
  const child = spawn(process.execPath, [guard, JSON.stringify({ command, args })], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number.parseInt(first.toString(), 10);
  child.stdout.on('data', (chunk: Buffer) => heard(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => heard(chunk.toString()));
  return { child, pid };
};

/** Starts a program and waits until its port answers. */
export const startProgram = async (order: Order): Promise<Program> => {
  let output = '';
  const { child, pid } = await launch(order, (text) => (output = `${output}${text}`.slice(-20_000)));
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const signal: Program['signal'] = (name) => {
    if (!isOver()) process.kill(pid, name);
  };
  const stop = async (): Promise<void> => {
    if (isOver()) return;
    const ended = once(child, 'exit');
    signal('SIGKILL');
    await ended;
  };
  for (const end = Date.now() + READY_MS; !(await answers(order.port));) {
    if (isOver() || Date.now() > end) {
      await stop();
      throw new Error(`${order.command} did not start:\n${output}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  return { output: () => output, signal, stop };
};
