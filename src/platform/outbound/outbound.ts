import { isIP, type Socket } from 'node:net';
import { Agent, fetch as undiciFetch, Pool, type buildConnector, type Dispatcher } from 'undici';
import {
  addressesOf,
  guardedConnector,
  judgeBeforeProxy,
  openSocket,
  tlsParts,
  whereOf,
  type Guard,
  type JudgeAll,
  type LookupAll,
  type SocketTarget,
  type TlsOptions,
} from './connections.js';
import { makeNameLookups, type Lookup } from './name-lookups.js';
import { makeProxyConnector, type Proxy } from './proxy.js';
import { OutboundRefused, refused, unresolved, type UrlRefusal } from './refusal.js';
import { makeAddressJudge, type AddressRefusal, type AddressRules } from './outbound-address.js';

/**
 * `allow`: addresses and CIDRs (UPSTREAM_ALLOW) beyond the public Internet. `ownPorts`: ports that this process listens
 * on, never reachable on any address of this host. `isOwnService`: where our database, brokers and mail server are,
 * never reachable either. `allowHttp`: plain http also to public addresses (default: only to what `allow` lists).
 */
export type OutboundRules = AddressRules;

/** All times in ms. `lookup` and `ownAddresses` stand in for the resolver and the network interfaces. */
export type OutboundOptions = Readonly<{
  connectTimeoutMs?: number;
  lookupTimeoutMs?: number;
  headersTimeoutMs?: number;
  bodyTimeoutMs?: number;
  lookup?: Lookup;
  ownAddresses?: () => readonly string[];
  /** The way out for https of `agentWith`. */
  proxy?: Proxy | undefined;
}>;

export { OutboundRefused, type UrlRefusal, type UrlRefusalCode } from './refusal.js';
export type { SocketTarget, TlsOptions } from './connections.js';

export type UrlCheck = Readonly<{ ok: true; url: URL }> | UrlRefusal;
export type Resolved = Readonly<{ ok: true; url: URL; addresses: readonly string[] }> | UrlRefusal;

/** Opens one connection (with TLS for https) to an address that may be reached, or says why not. */
export type Connector = (done: (error: Error | null, socket: Socket | null) => void) => void;

export type Outbound = Readonly<{
  check: (url: string) => UrlCheck;
  resolve: (url: URL) => Promise<Resolved>;
  agent: Dispatcher;
  agentWith: (tls: TlsOptions) => Dispatcher;
  socket: (target: SocketTarget) => Socket;
  connector: (origin: URL) => Connector;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
}>;

/**
 * The one guard against server-side request forgery: every URL that someone gave us is reached through it and nothing
 * else.
 *
 * - `check`: syntax and literal addresses, no I/O. http and https only, no user info, no fragment, no white space; one
 *   trailing dot is dropped.
 * - `resolve`: also looks the name up; every one of its addresses must pass. Good for an answer at registration, not a
 *   promise for later.
 * - `agent`: checks again at each new connection and connects to the very addresses it checked, so that a name can't be
 *   rebound. Follows no
 *   redirect, reads no proxy variable, keeps connections alive, NODELAY. Hand it only origins that `check` passed.
 * - `agentWith`: an agent of its own, with certificates, and through the operator's proxy where there is one. Whoever
 *   asks for it destroys it.
 * - `socket`: one guarded connection at once, plain or TLS, for other protocols. One that may not be made ends with an
 *   `OutboundRefused`; so does whatever else goes wrong, as the socket's error.
 * - `connector`: the connections of `agent` without its HTTP.
 * - `fetch`: `check` and undici's fetch over the agent; a redirect is answered as it came.
 *
 * Messages say what to do and hold the host at most, never user info, path or query, nor the address that a name
 * resolved to.
 */
export function makeOutbound(
  rules: OutboundRules,
  { lookup = makeNameLookups(), ...options }: OutboundOptions = {},
): Outbound {
  const lookupAll: LookupAll = (hostname, done) =>
    lookup(hostname, { all: true }, (error, addresses) => done(error, addresses ?? []));
  const judgeAll = makeJudgeAll(makeAddressJudge(rules, options.ownAddresses));
  const check = (text: string): UrlCheck => {
    const parsed = parseUrl(text);
    if (!parsed.ok) return parsed;
    const where = whereOf(parsed.url);
    return (isIP(where.host) === 0 ? undefined : judgeAll(where, [where.host])) ?? parsed;
  };
  const guard = { lookupAll, judgeAll };
  const connectorOf = (origin: URL, tls: TlsOptions = {}): buildConnector.connector =>
    guardedConnector(whereOf(origin), { ...options, tls }, guard);
  const agent = makeAgent(options, connectorOf);
  return {
    check,
    resolve: async (url) => {
      const checked = check(url.href);
      return checked.ok ? resolveChecked(checked.url, guard, options.lookupTimeoutMs ?? 5_000) : checked;
    },
    agent,
    agentWith: (tls) =>
      makeAgent(options, (origin) =>
        options.proxy?.takes(origin) === true
          ? makeProxyConnector(options.proxy, tlsParts(tls), (url) => judgeBeforeProxy(url, guard))
          : connectorOf(origin, tls),
      ),
    socket: (target) => openSocket(target, guard),
    connector: ({ protocol, host, hostname, port }) => {
      const connect = connectorOf(new URL(`${protocol}//${host}`));
      const target = { protocol, host, hostname: hostname.replace(/^\[|\]$/g, ''), port };
      return (done) => connect(target, withoutListener(done));
    },
    fetch: (url, init) => fetchOver(agent, check(String(url)), init),
  };
}

async function resolveChecked(url: URL, { lookupAll, judgeAll }: Guard, timeoutMs: number): Promise<Resolved> {
  const where = whereOf(url);
  const isName = isIP(where.host) === 0;
  const addresses = isName ? await addressesOf(where.host, lookupAll, timeoutMs) : [where.host];
  return judgeAll(where, addresses) ?? { ok: true, url, addresses };
}

/** Refuses a host for the first of its addresses that may not be reached, and a host without any. */
const makeJudgeAll =
  (judge: ReturnType<typeof makeAddressJudge>): JudgeAll =>
  (where, addresses) => {
    for (const address of addresses) {
      const refusal = judge({ ...where, address });
      if (refusal !== undefined) return refused(refusal.code, `${where.host} ${refusal.why}${advice(refusal)}`);
    }
    return addresses.length === 0 ? unresolved(where.host) : undefined;
  };

/** Sends a request to a checked URL. A redirect is answered as it came. */
async function fetchOver(agent: Agent, checked: UrlCheck, init: RequestInit | undefined): Promise<Response> {
  if (!checked.ok) throw new OutboundRefused(checked);
  // undici's own types and the global ones describe the same objects.
  return (await undiciFetch(checked.url, {
    ...(init as object),
    redirect: 'manual',
    dispatcher: agent,
  })) as unknown as Response;
}

/**
 * Takes off a new connection what undici added last, to hear of one that fails: it would keep undici's timers for as
 * long as the connection lives.
 */
const withoutListener =
  (done: Parameters<Connector>[0]): buildConnector.Callback =>
  (...[error, socket]) => {
    const [listener] = (socket?.listeners('error') ?? []).slice(-1);
    if (socket && listener) socket.off('error', listener as () => void);
    done(error, socket);
  };

function advice({ code }: AddressRefusal): string {
  if (code === 'address_not_allowed') return '; set UPSTREAM_ALLOW to a range that holds it if it may be reached';
  return code === 'http_not_allowed' ? '; use https' : '';
}

function parseUrl(text: string): UrlCheck {
  // The URL parser would drop white space and read a backslash as a slash: what is shown should be what is reached.
  if (text.length > 2048 || /[\s\p{Cc}\\]/u.test(text) || !URL.canParse(text)) {
    return refused(
      'url_invalid',
      'not a URL: give an absolute one such as https://example.com/mcp, without white space or backslashes',
    );
  }
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return refused('url_scheme', 'only https and http URLs can be reached');
  if (/^[a-z]+:\/*[^/?#]*@/i.test(text))
    return refused('url_userinfo', 'a URL must hold no user name or password: give them as headers');
  if (text.includes('#')) return refused('url_fragment', 'a URL must hold no fragment (#)');
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  if (/^$|^\.|\.\.|\.$/.test(url.hostname) || url.port === '0')
    return refused('url_invalid', 'not a URL that can be reached: check the host name and port');
  return { ok: true, url };
}

function makeAgent(options: OutboundOptions, connectorOf: (origin: URL) => buildConnector.connector): Agent {
  const { headersTimeoutMs: headersTimeout = 300_000, bodyTimeoutMs: bodyTimeout = 300_000 } = options;
  return new Agent({
    headersTimeout,
    bodyTimeout,
    factory: (origin, pool) => new Pool(origin, { ...pool, connect: connectorOf(new URL(origin)) }),
  });
}
