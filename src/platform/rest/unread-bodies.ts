import { guarded, startInterval } from '../runtime/guard.js';
import type { RequestHandler } from 'express';

const MAX_UNREAD_BYTES = 2 * 1024 * 1024;
const MAX_UNREAD_MS = 5000;
const CHECK_MS = 100;

/**
 * Ends the connection of a client that goes on sending a body after its answer. Node reads and drops such a body, so
 * that the client gets to read the answer; without a limit it would do so for as long as the client sends.
 */
export const limitUnreadBodies: RequestHandler = (request, response, next) => {
  const limit = guarded('unread_body', () => {
    if (request.complete) return;
    const { socket } = request;
    const before = socket.bytesRead;
    const endsAt = performance.now() + MAX_UNREAD_MS;
    const timer = startInterval('unread_body', CHECK_MS, () => {
      if (request.complete || socket.destroyed) clearInterval(timer);
      else if (socket.bytesRead - before > MAX_UNREAD_BYTES || performance.now() > endsAt) socket.destroy();
    });
    timer.unref();
  });
  response.once('finish', limit);
  next();
};
