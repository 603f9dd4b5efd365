import { Origin, type Connect, type HttpRequest } from './origin.js';
import type { Running, Sink } from './sink.js';

/** Sends one request and hands the answer's bytes to the sink. No redirect is followed, nothing is retried, no cookie is kept. Never throws. */
export type HttpClient = (request: HttpRequest, sink: Sink) => Running;

const ORIGINS_KEPT = 1000;

/** An HTTP/1.1 client over guarded connections: `connector` (platform/outbound) refuses addresses that may not be reached. */
export const makeHttpClient = (connector: (origin: URL) => Connect): HttpClient => {
  const origins = new Map<string, Origin>();
  const originOf = (url: URL): Origin => {
    const known = origins.get(url.origin);
    if (known) return known;
    if (origins.size >= ORIGINS_KEPT) for (const [name, one] of origins) if (one.unused) origins.delete(name);
    const origin = new Origin(connector(url));
    origins.set(url.origin, origin);
    return origin;
  };
  return (request, sink) => originOf(request.url).request(request, sink);
};
