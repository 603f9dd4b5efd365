import type { Transport } from '../event-log/events/index.js';
import type { Outbound } from '../platform/outbound.js';
import { Problem } from '../platform/problems.js';
import { discover, type Discovered } from '../upstream/discover.js';
import { fetchOver } from '../upstream/forward-fetch.js';
import type { Forward } from '../upstream/forward.js';
import type { SecretValues } from './upstream-headers.js';

/** The ways to servers; `allowStdio` are the commands that may be run. */
export type Ways = Readonly<{ outbound: Outbound; forward: Forward; allowStdio: readonly string[] }>;

const notAllowed = (why: string): Problem =>
  new Problem('url_not_allowed', `The URL may not be used: ${why}.`, { errors: [{ pointer: '/transport/url', code: 'url_not_allowed', message: why }] });

const guardCommand = (command: string, { allowStdio }: Ways): void => {
  if (allowStdio.includes(command)) return;
  const message = 'ALLOW_STDIO does not list this command: whoever runs Toolgate must add its absolute path';
  throw new Problem('command_not_allowed', `The command may not be run: ${message}.`, { errors: [{ pointer: '/transport/command', code: 'command_not_allowed', message }] });
};

/**
 * The transport as it is kept: its command is listed in ALLOW_STDIO, or its URL and every address of its name passed the guard. A name that is not
 * found yet passes: the server is then unreachable. @throws Problem `command_not_allowed` or `url_not_allowed`.
 */
export const guardTransport = async (ways: Ways, transport: Transport): Promise<Transport> => {
  if (transport.type === 'stdio') {
    guardCommand(transport.command, ways);
    return transport;
  }
  const checked = ways.outbound.check(transport.url);
  if (!checked.ok) throw notAllowed(checked.message);
  const resolved = await ways.outbound.resolve(checked.url);
  if (!resolved.ok && resolved.code !== 'name_not_resolved') throw notAllowed(resolved.message);
  return { type: transport.type, url: checked.url.href };
};

/** Discovery has no grant: its session is its own, and ends with it. */
const NO_GRANT = 'discovery';
const SILENCE_MS = 15_000;
/** What the SDK's client is told to call, where there is no URL. */
const NOWHERE = 'http://channel.invalid/';

/** Asks a server what it offers, through the guard. */
export const reach = ({ outbound, forward }: Ways, transport: Transport, secrets: SecretValues): Promise<Discovered> => {
  if (transport.type === 'streamable-http') return discover({ url: transport.url, headers: secrets, fetch: outbound.fetch });
  const over = (to: Parameters<typeof fetchOver>[1]['server']['transport']) =>
    fetchOver(forward, { server: { id: NO_GRANT, transport: to, eras: ['legacy'] }, grantId: NO_GRANT, era: 'legacy', silenceMs: SILENCE_MS });
  return transport.type === 'stdio'
    ? discover({ url: NOWHERE, headers: {}, fetch: over({ type: 'stdio', command: transport.command, args: transport.args, env: secrets }) })
    : discover({ url: NOWHERE, headers: secrets, fetch: over({ type: 'sse', url: new URL(transport.url) }) });
};

/** Whether two transports lead to the same scheme, host and port. */
export const sameOrigin = (one: Transport, other: Transport): boolean =>
  one.type !== 'stdio' && other.type !== 'stdio' && new URL(one.url).origin === new URL(other.url).origin;
