import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

type Line = Readonly<{
  url?: string;
  pid?: number;
  ms?: number;
  error?: string;
  notice?: string;
  acknowledged?: number;
}>;

/** `first` is the line that says that the database runs, or why not. */
export type Owner = Readonly<{ child: ChildProcess; lines: readonly Line[]; first: Promise<Line> }>;

const script = fileURLToPath(new URL('./postgres-owner.mjs', import.meta.url));

/**
 * A process of its own, leader of its own group, that owns the database of `dataDir`; `compiled` is what
 * compilePlatform gave.
 */
export function spawnOwner(compiled: string, dataDir: string, mode: 'write' | 'idle' = 'idle'): Owner {
  const child = spawn(process.execPath, [script, compiled, dataDir, mode], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  const first = new Promise<Line>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      if (line.url !== undefined || line.error !== undefined) resolve(line);
    });
  });
  return { child, lines, first };
}

/** `kill -9` of an owner and all of its process group. */
export function killGroup({ child }: Owner): void {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
}
