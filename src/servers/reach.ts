import type { Transport } from '../event-log/events/index.js';
import type { Outbound } from '../platform/outbound.js';
import { Problem } from '../platform/problems.js';
import { discover, type Discovered } from '../upstream/discover.js';
import type { SecretHeaders } from './upstream-headers.js';

const notAllowed = (why: string): Problem =>
  new Problem('url_not_allowed', `The URL may not be used: ${why}.`, { errors: [{ pointer: '/transport/url', code: 'url_not_allowed', message: why }] });

const urlOf = (transport: Transport): string => {
  if (transport.type !== 'streamable-http') throw new Error(`no way to reach a server over ${transport.type}`);
  return transport.url;
};

/**
 * The transport as it is kept, once its URL and every address of its name passed the guard. A name that is not found yet passes: the server is
 * then unreachable. @throws Problem `url_not_allowed`.
 */
export const guardTransport = async (outbound: Outbound, transport: Transport): Promise<Transport> => {
  const checked = outbound.check(urlOf(transport));
  if (!checked.ok) throw notAllowed(checked.message);
  const resolved = await outbound.resolve(checked.url);
  if (!resolved.ok && resolved.code !== 'name_not_resolved') throw notAllowed(resolved.message);
  return { type: 'streamable-http', url: checked.url.href };
};

/** Asks a server what it offers, through the guard. */
export const reach = (outbound: Outbound, transport: Transport, headers: SecretHeaders): Promise<Discovered> =>
  discover({ url: urlOf(transport), headers, fetch: outbound.fetch });

/** Whether two transports lead to the same scheme, host and port. */
export const sameOrigin = (one: Transport, other: Transport): boolean => new URL(urlOf(one)).origin === new URL(urlOf(other)).origin;
