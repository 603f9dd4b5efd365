import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('counting-receiver.mjs', import.meta.url));

export type Counted = Readonly<{ bytes: number; distinct: number; highest: number }>;

/** A receiver that costs the test's process nothing and keeps no record. `distinct` counts those up to `last`. */
export const startCountingReceiver = async (
  last: number,
): Promise<Readonly<{ url: string; counted: () => Promise<Counted>; close: () => Promise<void> }>> => {
  const child = spawn(process.execPath, [PROGRAM, String(last)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const url = `http://127.0.0.1:${String(port).trim()}/`;
  return {
    url,
    counted: async () => (await (await fetch(url)).json()) as Counted,
    close: async () => {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
};
