import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from './schema.js';

const RETRY_DELAY_MS = 500;
const KEY_BYTES = 16;

/** A key that no other request has. `crypto.randomUUID` is not there on plain http beyond this machine. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const isRepeatable = (request: Request): boolean =>
  request.method === 'GET' || request.headers.has('idempotency-key') || request.headers.has('if-match');

/** Sends once more what got no answer, where a repeat does what one request does. */
const fetchOnceMore = async (request: Request): Promise<Response> => {
  if (!isRepeatable(request)) return fetch(request);
  try {
    return await fetch(request.clone());
  } catch (error) {
    if (request.signal.aborted) throw error;
    await pause(RETRY_DELAY_MS);
    return fetch(request);
  }
};

let signedOut: () => void = () => undefined;

/** Sets what happens when the API says that nobody is signed in. */
export const onSignedOut = (then: () => void): void => {
  signedOut = then;
};

/** Paths whose 401 says that what was typed is wrong, not that the session has ended. */
const SIGNING_IN = /^\/v1\/(login|signup|password-reset|invitations\/accept|me\/(password|totp))/;

const rules: Middleware = {
  onRequest({ request }) {
    if (request.method === 'POST' && !request.headers.has('idempotency-key'))
      request.headers.set('idempotency-key', newKey());
    return request;
  },
  onResponse({ request, response }) {
    if (response.status === 401 && !SIGNING_IN.test(new URL(request.url).pathname)) signedOut();
    return undefined;
  },
};

/**
 * The API of this installation, by the session cookie. Plain http sends no Sec-Fetch-Site, so that a header says that
 * the console asks. Every POST has an Idempotency-Key.
 */
export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: 'same-origin',
  headers: { 'x-toolgate-console': '1' },
  fetch: fetchOnceMore,
});
api.use(rules);
