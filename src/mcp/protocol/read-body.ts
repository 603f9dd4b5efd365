import { listenTo, startTimer } from '../../platform/runtime/guard.js';
import type { IncomingMessage } from 'node:http';
import { ChunkList } from '../../platform/runtime/chunk-list.js';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

const DISCARDED_BYTES = 64 * 2 ** 20;
const DISCARD_TIMEOUT_MS = 5000;

/**
 * Reads a body that was refused for its size a while longer, up to 64 MiB and 5 s: many clients send all of it before
 * they read the answer, and would see a reset connection instead.
 */
export const discardBody = (request: IncomingMessage): void => {
  let discarded = 0;
  const timer = startTimer('discard_body', DISCARD_TIMEOUT_MS, () => void request.destroy());
  timer.unref();
  const discard = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded > DISCARDED_BYTES) request.destroy();
  };
  listenTo(request, 'data', discard, { where: 'discard_body' });
  listenTo(request, 'close', () => clearTimeout(timer), { where: 'discard_body' });
  request.resume();
};

/**
 * Calls `done` once, with the whole body; with `too_large` past 4 MiB (the rest is not read), with `gone` when the
 * client left in the middle of it.
 */
export const readBody = (request: IncomingMessage, done: (body: Buffer | 'too_large' | 'gone') => void): void => {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return done('too_large');
  const chunks = new ChunkList();
  let over = false;
  const finish = (body: Buffer | 'too_large' | 'gone'): void => {
    if (over) return;
    over = true;
    done(body);
  };
  const gone = (): void => finish('gone');
  const take = (chunk: Buffer): void => {
    if (over) return;
    if (chunks.length + chunk.length > MAX_BODY_BYTES) {
      chunks.clear();
      request.pause();
      finish('too_large');
    } else chunks.push(chunk);
  };
  listenTo(request, 'data', take, { where: 'read_body', failed: gone });
  listenTo(request, 'end', () => finish(chunks.take()), { where: 'read_body', failed: gone });
  // Comes last in any case; after an answer it changes nothing.
  listenTo(request, 'close', gone, { where: 'read_body' });
};
