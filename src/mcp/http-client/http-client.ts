import { Origin, type Connect } from './origin.js';
import type { HttpRequest } from './request-head.js';
import type { PendingRequest, Sink } from './sink.js';

/**
 * Sends one request and hands the answer's bytes to the sink. No redirect is followed, nothing is retried, no cookie is
 * kept but in the jar of the request. Never throws.
 */
export type HttpClient = (request: HttpRequest, sink: Sink) => PendingRequest;

const MAX_ORIGINS = 1000;

/**
 * An HTTP/1.1 client over guarded connections: `connector` (platform/outbound) refuses addresses that may not be
 * reached.
 */
export const makeHttpClient = (connector: (origin: URL) => Connect): HttpClient => {
  const origins = new Map<string, Origin>();
  // Callers keep the URL of a server: its origin is a text that would be put together for each request.
  let known = new WeakMap<URL, Origin>();
  const originOf = (url: URL): Origin => {
    const found = origins.get(url.origin);
    if (found) return found;
    if (origins.size >= MAX_ORIGINS) {
      for (const [name, one] of origins) if (one.unused) origins.delete(name);
      known = new WeakMap();
    }
    const origin = new Origin(connector(url));
    origins.set(url.origin, origin);
    return origin;
  };
  return (request, sink) => {
    const { url } = request;
    let origin = known.get(url);
    if (!origin) known.set(url, (origin = originOf(url)));
    return origin.request(request, sink);
  };
};
