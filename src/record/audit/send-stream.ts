import { guarded } from '../../platform/runtime/guard.js';
import type { ServerResponse } from 'node:http';

/** Resolves when the response takes more, or never will. */
export const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = guarded('send_stream', () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    });
    response.on('drain', done);
    response.on('close', done);
  });

/**
 * Writes chunks as they come and asks for the next one only when the client has taken what was written. A client that
 * leaves ends it; so does an error after the first chunk, by breaking off the answer, which the client sees as
 * incomplete.
 */
export const sendStream = async (
  response: ServerResponse,
  chunks: AsyncIterable<string | Uint8Array>,
): Promise<void> => {
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
};
