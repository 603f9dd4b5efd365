/**
 * Runs one PostgreSQL program and stops it when the process that started this one is gone, however it ended: the owner
 * holds the other end of stdin, and the kernel closes that even on `kill -9`. Asked by an end of stdin: SIGINT
 * (PostgreSQL's fast shutdown) at once, SIGQUIT after 4 s, SIGKILL after 4.8 s, so that nothing outlives the owner by
 * more than 5 s.
 *
 * Plain JavaScript, because it runs as a process of its own from `src/` (tests) as well as from `dist/`.
 * argv[2]: JSON `{command, args, uid?, gid?}`. Prints the program's pid; ends with the program's exit code.
 */
import { spawn } from 'node:child_process';

const { command, args, uid, gid } = JSON.parse(process.argv[2] ?? '{}');
const child = spawn(command, args, { stdio: ['ignore', 2, 2], cwd: '/', uid, gid });
let stopping = false;

function stop() {
  if (stopping) return;
  stopping = true;
  child.kill('SIGINT');
  setTimeout(() => child.kill('SIGQUIT'), 4000);
  setTimeout(() => child.kill('SIGKILL'), 4800);
}

child.on('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code) => process.exit(code ?? 1));
if (child.pid !== undefined) process.stdout.write(`${child.pid}\n`);

process.stdout.on('error', () => undefined);
process.stdin.on('error', stop);
process.stdin.on('close', stop);
process.stdin.on('end', stop);
process.stdin.resume();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
process.on('SIGHUP', () => undefined);
