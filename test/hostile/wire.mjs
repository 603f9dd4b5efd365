/** Bytes on a socket as a hostile peer writes them. */
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_ENDLESS_BYTES = 24 * 1024 * 1024;
const MAX_ENDLESS_MS = 4000;
/** What an endless peer repeats: each has been costly for some reader. */
const FLOODS = [
  ' ',
  'x',
  '\n',
  '\r',
  '[',
  '0,',
  '"",',
  ':\n',
  ':\n\n',
  'data\n\n',
  'data: x\n\n',
  'data:{x}\n\n',
  '1\r\nx\r\n',
];

const write = (socket, data) =>
  new Promise((resolve) => {
    if (socket.destroyed || !socket.writable) return resolve();
    const closed = () => resolve();
    socket.once('close', closed);
    socket.write(data, () => {
      socket.off('close', closed);
      resolve();
    });
  });

/** How a peer may write `bytes` and end; each is bounded in time and bytes and resolves when it is over. */
const WRITERS = {
  whole: async (socket, bytes) => {
    await write(socket, bytes);
    socket.end();
  },
  kept: async (socket, bytes) => write(socket, bytes),
  pieces: async (socket, bytes, random) => {
    for (let at = 0; at < bytes.length && !socket.destroyed;) {
      const size = Math.max(random.int(1, 40), Math.ceil(bytes.length / 50));
      await write(socket, bytes.subarray(at, at + size));
      at += size;
    }
    socket.end();
  },
  trickle: async (socket, bytes) => {
    for (let at = 0; at < Math.min(bytes.length, 60) && !socket.destroyed; at += 1) {
      await write(socket, bytes.subarray(at, at + 1));
      await sleep(20);
    }
    socket.destroy();
  },
  half: async (socket, bytes) => {
    await write(socket, bytes.subarray(0, bytes.length >> 1));
    socket.end();
  },
  reset: async (socket, bytes, random) => {
    await write(socket, bytes.subarray(0, random.int(0, bytes.length)));
    socket.resetAndDestroy();
  },
  silent: async (socket, bytes, random) => {
    await write(socket, bytes.subarray(0, random.pick([0, 0, bytes.length >> 1])));
    await sleep(MAX_ENDLESS_MS);
    socket.destroy();
  },
  endless: async (socket, bytes, random) => {
    await write(socket, bytes);
    const more = Buffer.alloc(64 * 1024, random.pick(FLOODS));
    const until = Date.now() + MAX_ENDLESS_MS;
    for (let sent = 0; sent < MAX_ENDLESS_BYTES && Date.now() < until && !socket.destroyed; sent += more.length) {
      await write(socket, more);
    }
    socket.destroy();
  },
};

const KINDS = Object.keys(WRITERS);

/** Writes `bytes` in one of the ways above. */
export const writeSomehow = (socket, bytes, random) => {
  const kind = random.chance(0.4) ? 'whole' : random.pick(KINDS);
  return WRITERS[kind](socket, bytes, random);
};

export { sleep, write };
