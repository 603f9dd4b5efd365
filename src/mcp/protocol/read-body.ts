import type { IncomingMessage } from 'node:http';
import { ChunkList } from '../../platform/runtime/chunk-list.js';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

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
  request.on('data', (chunk: Buffer) => {
    if (over) return;
    if (chunks.length + chunk.length > MAX_BODY_BYTES) {
      chunks.clear();
      request.pause();
      finish('too_large');
    } else chunks.push(chunk);
  });
  request.on('end', () => finish(chunks.take()));
  // Comes last in any case; after an answer it changes nothing.
  request.on('close', () => finish('gone'));
};
