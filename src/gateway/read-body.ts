import type { IncomingMessage } from 'node:http';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** The whole body; `too_large` past 4 MiB (the rest is not read), `gone` when the client left in the middle of it. */
export const readBody = (request: IncomingMessage): Promise<Buffer | 'too_large' | 'gone'> =>
  new Promise((resolve) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return resolve('too_large');
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) {
        request.pause();
        resolve('too_large');
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    // Comes last in any case; after an answer it changes nothing.
    request.on('close', () => resolve('gone'));
  });
