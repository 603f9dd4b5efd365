import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { tmpdir } from 'node:os';
import { log } from '../platform/log.js';
import { secretsInArguments } from '../platform/secret-text.js';
import type { ChannelEvents, OpenChannel } from './channel.js';
import type { UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

const LONGEST_LINE = 64 * 1024 * 1024;
const STDERR_KEPT = 4000;
const GRACE_MS = 2000;
const LF = 0x0a;
/** What a process gets of our environment: what a program needs to find its parts, and no setting of ours. */
const PASSED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'SystemRoot', 'APPDATA', 'PATHEXT'];

type Stdio = Extract<UpstreamRequest['server']['transport'], { type: 'stdio' }>;

const environment = (base: NodeJS.ProcessEnv, own: Stdio['env']): Record<string, string> => {
  const passed = PASSED.flatMap((name) => (base[name] === undefined ? [] : [[name, base[name]] as const]));
  return { ...Object.fromEntries(passed), TMPDIR: tmpdir(), ...own };
};

/** A line end stands only between the tokens of a JSON text, where a space means the same. */
const onOneLine = (message: Buffer): Buffer => {
  const line = Buffer.concat([message, Buffer.from('\n')]);
  for (let at = 0; at < message.length; at += 1) if (line[at] === LF || line[at] === 0x0d) line[at] = 0x20;
  return line;
};

/** Calls `line` for each line as it becomes whole. False: one grew past the bound. */
const lineReader = (line: (text: string) => void): ((chunk: Buffer) => boolean) => {
  let held: Buffer[] = [];
  let bytes = 0;
  return (chunk) => {
    let rest = chunk;
    for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF)) {
      const text = Buffer.concat([...held, rest.subarray(0, end)]).toString('utf8').trim();
      held = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
      if (text !== '') line(text);
    }
    if (rest.length > 0) held.push(rest);
    bytes += rest.length;
    return bytes <= LONGEST_LINE;
  };
};

/** A shorter text would be struck out where it is no secret. */
const SHORTEST_SECRET = 4;

/** The end of what a process wrote to its standard error, for the operator, without the values of its environment and the secrets among its arguments. */
const stderrKeeper = (child: ChildProcessWithoutNullStreams, { env, args }: Stdio): (() => string) => {
  const secrets = [...Object.values(env), ...secretsInArguments(args)].filter(({ length }) => length >= SHORTEST_SECRET);
  let kept = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (kept = (kept + text).slice(-STDERR_KEPT)));
  return () => secrets.reduce((text, secret) => text.replaceAll(secret, '…'), kept.trim());
};

/** Sends a signal to a process and all that it started. */
const kill = ({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nobody is left.
  }
};

/** Ends a process as MCP wants it (stdio, "Shutdown"): its input closes, and what is still there after a while is ended. */
const end = (child: ChildProcessWithoutNullStreams): void => {
  child.stdin.end();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timers = [setTimeout(() => kill(child, 'SIGTERM'), GRACE_MS), setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS * 2)];
  child.once('exit', () => timers.forEach(clearTimeout));
};

/**
 * Runs a server's command and speaks with it over its standard streams: never through a shell, only a command that `allowed` names, with a short environment
 * and a process group of its own, which ends with it. What it wrote to standard error at the last is logged when it ends.
 */
export const stdioChannels = (allowed: readonly string[], base: NodeJS.ProcessEnv): OpenChannel => (request, events) => {
  const { transport } = request.server;
  if (transport.type !== 'stdio' || !allowed.includes(transport.command)) return refused(events);
  const child = spawn(transport.command, [...transport.args], { env: environment(base, transport.env), cwd: tmpdir(), stdio: 'pipe', detached: true, shell: false });
  const stderr = stderrKeeper(child, transport);
  let over = false;
  const close = (): void => {
    over = true;
    end(child);
  };
  const serverId = request.server.id;
  const closed = (failure: UpstreamFailure): void => {
    if (over) return;
    close();
    log.warn('a stdio server ended', { serverId, exitCode: child.exitCode, signal: child.signalCode, stderr: stderr() });
    events.closed(failure);
  };
  const read = lineReader((text) => over || events.message(text));
  child.stdout.on('data', (chunk: Buffer) => read(chunk) || closed({ kind: 'broken', sent: true }));
  child.on('error', () => closed({ kind: 'unreachable', sent: child.pid !== undefined }));
  // What it started may hold its streams open, and must not outlive it.
  child.on('exit', () => kill(child, 'SIGKILL'));
  child.on('close', () => {
    if (over && stderr() !== '') log.info('a stdio server was ended', { serverId, stderr: stderr() });
    closed({ kind: 'broken', sent: true });
  });
  // Its exit tells; a broken pipe before that must not end this process.
  child.stdin.on('error', () => undefined);
  return {
    send: (message) => void child.stdin.write(onOneLine(message)),
    pause: () => void child.stdout.pause(),
    resume: () => void child.stdout.resume(),
    close,
  };
};

const refused = (events: ChannelEvents): ReturnType<OpenChannel> => {
  setImmediate(() => events.closed({ kind: 'unreachable', sent: false }));
  return { send: () => undefined, pause: () => undefined, resume: () => undefined, close: () => undefined };
};
