import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { tmpdir } from 'node:os';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { guarded, listenTo, soon, startTimer } from '../../platform/runtime/guard.js';
import { holdBytes, type HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { log } from '../../platform/runtime/log.js';
import { TurnReader } from '../../platform/fair-shares/read-turns.js';
import { secretsInArguments } from '../../platform/crypto/secret-text.js';
import { isAllowedVariable } from '../../platform/settings/stdio-variables.js';
import type { ChannelEvents, OpenChannel } from './channel.js';
import type { StdioIsolation } from './stdio-isolation.js';
import type { UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';
import { ProcessEnded } from '../upstream/process-ended.js';

const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_STDERR_LENGTH = 4000;
const EXIT_TIMEOUT_MS = 2000;
const LF = 0x0a;
/** The variables of our environment that a process inherits: what programs need, and no setting of ours. */
const INHERITED_VARIABLES = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'SystemRoot', 'APPDATA', 'PATHEXT'];

/**
 * `allow`: the commands that may be run; `variables`: what their servers' environments may set (STDIO_ENV);
 * `environment`: ours.
 */
export type StdioRules = Readonly<{
  allow: readonly string[];
  variables: readonly string[];
  environment: NodeJS.ProcessEnv;
  isolation: StdioIsolation | undefined;
}>;

type Stdio = Extract<UpstreamRequest['server']['transport'], { type: 'stdio' }>;

const environment = ({ environment: base, isolation }: StdioRules, own: Stdio['env']): Record<string, string> => {
  const passed = INHERITED_VARIABLES.flatMap((name) => (base[name] === undefined ? [] : [[name, base[name]] as const]));
  return {
    ...Object.fromEntries(passed),
    ...(isolation?.home === undefined ? {} : { HOME: isolation.home }),
    TMPDIR: tmpdir(),
    ...own,
  };
};

/** Line ends stand only between the tokens of a JSON text, where a space is equivalent. */
const onOneLine = (message: Buffer): Buffer => {
  const line = Buffer.concat([message, Buffer.from('\n')]);
  for (let at = 0; at < message.length; at += 1) if (line[at] === LF || line[at] === 0x0d) line[at] = 0x20;
  return line;
};

/** Calls `line` for each line as it becomes whole. False: one grew past the limit, or past what may be collected. */
const lineReader = (held: HeldBytes, line: (text: string) => void): ((chunk: Buffer) => boolean) => {
  const chunks = new ChunkList();
  return (chunk) => {
    let rest = chunk;
    for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF)) {
      if (end > 0) chunks.push(rest.subarray(0, end));
      const text = chunks.length > 0 ? chunks.take().toString('utf8').trim() : '';
      rest = rest.subarray(end + 1);
      if (text !== '') line(text);
    }
    if (rest.length > 0) chunks.push(rest);
    return chunks.length <= MAX_LINE_BYTES && held.hold(chunks.length);
  };
};

/** A shorter text would be struck out where it is no secret. */
const MIN_SECRET_LENGTH = 4;

/**
 * The end of what a process wrote to its standard error, for the operator, without the values of its environment and
 * the secrets among its arguments.
 */
const stderrKeeper = (child: ChildProcessWithoutNullStreams, { env, args }: Stdio): (() => string) => {
  const secrets = [...Object.values(env), ...secretsInArguments(args)].filter(
    ({ length }) => length >= MIN_SECRET_LENGTH,
  );
  let kept = '';
  listenTo(
    child.stderr.setEncoding('utf8'),
    'data',
    (text: string) => void (kept = (kept + text).slice(-MAX_STDERR_LENGTH)),
    { where: 'stdio_channel' },
  );
  return () => secrets.reduce((text, secret) => text.replaceAll(secret, '…'), kept.trim());
};

/** Sends a signal to a process and all that it started. */
const kill = ({ pid }: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // The process group has ended.
  }
};

/**
 * Ends a process as MCP wants it (stdio, "Shutdown"): its input closes, and what is still there after a while is ended.
 */
const end = (child: ChildProcessWithoutNullStreams): void => {
  child.stdin.end();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timers = [
    startTimer('stdio_channel', EXIT_TIMEOUT_MS, () => kill(child, 'SIGTERM')),
    startTimer('stdio_channel', EXIT_TIMEOUT_MS * 2, () => kill(child, 'SIGKILL')),
  ];
  child.once(
    'exit',
    guarded('stdio_channel', () => timers.forEach(clearTimeout)),
  );
};

/** The settings may have changed since the server was registered. */
const mayRun = ({ allow, variables }: StdioRules, { command, env }: Stdio, serverId: string): boolean => {
  const variable = Object.keys(env).find((name) => !isAllowedVariable(variables, name));
  if (variable !== undefined)
    log.warn('a stdio server is not started: STDIO_ENV does not list a variable that it was registered with', {
      serverId,
      variable,
    });
  return variable === undefined && allow.includes(command);
};

const start = (rules: StdioRules, { command, args, env }: Stdio): ChildProcessWithoutNullStreams => {
  const { before = [], uid, gid } = rules.isolation ?? {};
  const [program = command, ...rest] = [...before, command, ...args];
  return spawn(program, rest, {
    env: environment(rules, env),
    cwd: tmpdir(),
    stdio: 'pipe',
    detached: true,
    shell: false,
    uid,
    gid,
  });
};

const exitOf = ({ exitCode, signalCode: signal }: ChildProcessWithoutNullStreams) => ({ exitCode, signal });

/** Reports when a process could not be run or has closed its streams, and ends all that it started. */
const watchEnd = (
  child: ChildProcessWithoutNullStreams,
  { failed, closed }: Readonly<{ failed: () => void; closed: () => void }>,
): void => {
  listenTo(child, 'error', failed, { where: 'stdio_channel' });
  // What it started may hold its streams open, and must not outlive it.
  listenTo(child, 'exit', () => kill(child, 'SIGKILL'), { where: 'stdio_channel' });
  listenTo(child, 'close', closed, { where: 'stdio_channel' });
  // Its exit is reported; a broken pipe before that must not end this process.
  listenTo(child.stdin, 'error', () => undefined, { where: 'stdio_channel' });
};

/**
 * Runs a server's command and speaks with it over its standard streams: never through a shell, only a command that
 * `allow` names, with a short environment, kept from what is ours as far as the platform lets, without an open file of
 * ours, and in a process group of its own, which ends with it. What it wrote to standard error at the last is logged
 * when it ends.
 */
export const stdioChannels =
  (rules: StdioRules): OpenChannel =>
  (request, events) => {
    const { transport, id: serverId } = request.server;
    if (transport.type !== 'stdio' || !mayRun(rules, transport, serverId)) return refused(events);
    const child = start(rules, transport);
    const stderr = stderrKeeper(child, transport);
    let over = false;
    const held = holdBytes(request);
    const close = (): void => {
      over = true;
      held.release();
      end(child);
    };
    const closed = (failure: UpstreamFailure): void => {
      if (over) return;
      close();
      log.warn('a stdio server ended', { serverId, ...exitOf(child), stderr: stderr() });
      events.closed({ ...failure, cause: new ProcessEnded(exitOf(child), stderr()) });
    };
    const read = lineReader(held, (text) => over || events.message(text));
    const broken = (): void => closed({ kind: 'broken', sent: true });
    const reader = new TurnReader(
      child.stdout,
      guarded('stdio_channel', (chunk: Buffer) => void (over || read(chunk) || broken()), broken),
    );
    listenTo(child.stdout, 'data', (chunk: Buffer) => reader.take(chunk), { where: 'stdio_channel', failed: broken });
    watchEnd(child, {
      failed: () => closed({ kind: 'unreachable', sent: child.pid !== undefined }),
      closed: () => {
        if (over && stderr() !== '') log.info('a stdio server was ended', { serverId, stderr: stderr() });
        broken();
      },
    });
    return {
      send: (message) => void child.stdin.write(onOneLine(message)),
      pause: () => reader.pause(),
      resume: () => reader.resume(),
      close,
    };
  };

const refused = (events: ChannelEvents): ReturnType<OpenChannel> => {
  soon('stdio_channel', () => events.closed({ kind: 'unreachable', sent: false }));
  return { send: () => undefined, pause: () => undefined, resume: () => undefined, close: () => undefined };
};
