import { guarded } from '../../platform/runtime/guard.js';
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

/**
 * How a stdio server's process is kept from what is ours: `before` stands before its command, `uid` and `gid` are who
 * it becomes.
 */
export type StdioIsolation = Readonly<{ before: readonly string[]; uid?: number; gid?: number; home?: string }>;

export type StdioUser = Readonly<{ uid: number; gid: number }>;

/**
 * What to keep from the processes: `hiddenFolder` with all that is in it, and `hiddenFiles`. `path`: where programs are
 * looked for.
 */
type IsolationSettings = Readonly<{
  sandbox: 'auto' | 'required' | 'off';
  user: StdioUser | undefined;
  hiddenFolder: string;
  hiddenFiles: readonly string[];
  path: string;
}>;

/** `isolation` is undefined when processes run as we do; `exposed` then says, for the operator, what they can read. */
export type FoundIsolation = Readonly<{ isolation: StdioIsolation | undefined; exposed: string | undefined }>;

const PROBE_TIMEOUT_MS = 5000;

/**
 * Everything as it is, but processes of its own only in /proc (ours has the environment that we were started with),
 * devices that give nothing away, and nothing in what is hidden. The sandbox ends with us.
 */
const sandboxOf = ({ hiddenFolder, hiddenFiles }: IsolationSettings): readonly string[] => {
  const folders = [resolve(hiddenFolder)]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => ['--tmpfs', realpathSync(folder)]);
  const files = hiddenFiles
    .filter((file) => existsSync(file))
    .flatMap((file) => ['--ro-bind', '/dev/null', realpathSync(file)]);
  return [
    'bwrap',
    '--bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--unshare-pid',
    '--proc',
    '/proc',
    '--die-with-parent',
    ...folders,
    ...files,
    '--',
  ];
};

const runs = ([command = '', ...args]: readonly string[], path: string): Promise<boolean> =>
  new Promise((done) => {
    const child = spawn(command, args, { env: { PATH: path }, cwd: '/', stdio: 'ignore', timeout: PROBE_TIMEOUT_MS });
    child
      .once(
        'error',
        guarded('stdio_isolation', () => done(false)),
      )
      .once(
        'exit',
        guarded('stdio_isolation', (code: number | null) => done(code === 0)),
      );
  });

const EXPOSED =
  'stdio servers run as the same user as Toolgate: each can read the environment that it was ' +
  'started with (also MASTER_KEY, DATABASE_URL and SMTP_URL), DATA_DIR with the keys, and other ' +
  "servers' processes. Install bubblewrap, or start as root with STDIO_USER";

/**
 * Finds how stdio servers are kept from our environment and files: as another user (`user`), else in a sandbox of
 * bubblewrap where the platform has one that works, else not at all. @throws Error when a separation is required and
 * none can be had.
 */
export const findStdioIsolation = async (wanted: IsolationSettings): Promise<FoundIsolation> => {
  if (wanted.user) {
    if (process.getuid?.() !== 0)
      throw new Error('STDIO_USER needs Toolgate to be started as root: only root can run a process as another user');
    return { isolation: { before: [], ...wanted.user, home: tmpdir() }, exposed: undefined };
  }
  if (wanted.sandbox !== 'off') {
    const before = sandboxOf(wanted);
    if (await runs([...before, 'true'], wanted.path)) return { isolation: { before }, exposed: undefined };
    if (wanted.sandbox === 'required')
      throw new Error('STDIO_SANDBOX=required: bubblewrap (bwrap) is not installed, or may make no sandbox here');
  }
  return { isolation: undefined, exposed: EXPOSED };
};
