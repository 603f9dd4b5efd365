import { DiscoveryStopped } from './discovery-failure.js';
import type { Fetch } from './discover.js';
import type { Forward, Running, UpstreamFailure, UpstreamRequest } from './forward.js';

const WHY = {
  unreachable: 'The server could not be started or reached: check its transport, and that the command exists.',
  timeout: 'The server gave no answer in time.',
  broken: 'The server ended the connection before it answered: check its command, arguments, environment or path.',
  aborted: 'The request was ended.',
} as const satisfies Record<UpstreamFailure['kind'], string>;

const headersIn = (init: RequestInit | undefined): Record<string, string> => Object.fromEntries(new Headers(init?.headers).entries());

const METHODS = ['GET', 'POST', 'DELETE'] as const;

/** `fetch` over a Forward, for the official SDK's client: it fails with a text that may be shown. The URL that it is called with is not looked at. */
export const fetchOver = (forward: Forward, to: Pick<UpstreamRequest, 'server' | 'grantId' | 'era' | 'silenceMs'>): Fetch => (_url, init) =>
  new Promise((resolve, reject) => {
    const method = METHODS.find((one) => one === (init?.method ?? 'GET')) ?? 'GET';
    const body = typeof init?.body === 'string' ? Buffer.from(init.body) : undefined;
    let running: Running | undefined;
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      pull: () => running?.resume(),
      cancel: () => running?.abort(),
    });
    init?.signal?.addEventListener('abort', () => running?.abort(), { once: true });
    running = forward({ ...to, method, headers: headersIn(init), body }, {
      head: (status, headers) => resolve(new Response(status === 202 || status === 204 ? null : stream, { status, headers: headers as Record<string, string> })),
      data: (chunk) => {
        controller?.enqueue(chunk);
        return (controller?.desiredSize ?? 1) > 0;
      },
      end: () => controller?.close(),
      fail: ({ kind }) => {
        const failure = new DiscoveryStopped(WHY[kind]);
        reject(failure);
        controller?.error(failure);
      },
    });
  });
