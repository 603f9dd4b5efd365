import type { UpstreamFailure, UpstreamHeaders, UpstreamRequest } from '../upstream/forward.js';
import type { RelayParts } from './exchange.js';

/** An answer that must be read before it is passed on. */
export type Collected = Readonly<{ status: number; headers: UpstreamHeaders; body: Buffer }>;

/** Sends a request upstream and collects its answer, at most `maxBytes` of it. Resolves to the failure when there is none. */
export const collectAnswer = (parts: Pick<RelayParts, 'forward'>, request: UpstreamRequest, maxBytes: number): Promise<Collected | UpstreamFailure> =>
  new Promise((resolve) => {
    let status = 0;
    let headers: UpstreamHeaders = {};
    const chunks: Buffer[] = [];
    let bytes = 0;
    const running = parts.forward(request, {
      head: (code, fields) => {
        status = code;
        headers = fields;
      },
      data: (chunk) => {
        bytes += chunk.length;
        if (bytes > maxBytes) running.abort();
        else chunks.push(chunk);
        return true;
      },
      end: () => resolve({ status, headers, body: Buffer.concat(chunks) }),
      fail: (failure) => resolve(bytes > maxBytes ? { kind: 'broken', sent: true } : failure),
    });
  });

export const isFailure = (answer: Collected | UpstreamFailure): answer is UpstreamFailure => 'kind' in answer;
