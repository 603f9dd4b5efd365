import { startTimer } from '../runtime/guard.js';
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { Agent, buildConnector, fetch as undiciFetch, Pool, type Dispatcher } from 'undici';
import { makeNameLookups, type Lookup } from './name-lookups.js';
import { makeAddressJudge, type AddressRefusal, type AddressRules, type Target } from './outbound-address.js';

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
}>;

export type UrlRefusalCode =
  AddressRefusal['code'] | 'url_invalid' | 'url_scheme' | 'url_userinfo' | 'url_fragment' | 'name_not_resolved';
export type UrlRefusal = Readonly<{ ok: false; code: UrlRefusalCode; message: string }>;
export type UrlCheck = Readonly<{ ok: true; url: URL }> | UrlRefusal;
export type Resolved = Readonly<{ ok: true; url: URL; addresses: readonly string[] }> | UrlRefusal;

/** Opens one connection (with TLS for https) to an address that may be reached, or says why not. */
export type Connector = (done: (error: Error | null, socket: Socket | null) => void) => void;

export type Outbound = Readonly<{
  check: (url: string) => UrlCheck;
  resolve: (url: URL) => Promise<Resolved>;
  agent: Dispatcher;
  connector: (origin: URL) => Connector;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
}>;

/**
 * What `agent` and `fetch` fail with (fetch: as `cause` when the refusal came at connect time). No byte was sent, no
 * connection opened.
 */
export class OutboundRefused extends Error {
  readonly code: UrlRefusalCode;
  constructor({ code, message }: UrlRefusal) {
    super(message);
    this.name = 'OutboundRefused';
    this.code = code;
  }
}

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
  const connectorOf = (origin: URL): buildConnector.connector =>
    guardedConnector(whereOf(origin), options, { lookupAll, judgeAll });
  const agent = makeAgent(options, connectorOf);
  return {
    check,
    resolve: async (url) => {
      const checked = check(url.href);
      if (!checked.ok) return checked;
      const where = whereOf(checked.url);
      const addresses =
        isIP(where.host) === 0
          ? await addressesOf(where.host, lookupAll, options.lookupTimeoutMs ?? 5_000)
          : [where.host];
      return judgeAll(where, addresses) ?? { ok: true, url: checked.url, addresses };
    },
    agent,
    connector: ({ protocol, host, hostname, port }) => {
      const connect = connectorOf(new URL(`${protocol}//${host}`));
      const target = { protocol, host, hostname: hostname.replace(/^\[|\]$/g, ''), port };
      return (done) => connect(target, withoutListener(done));
    },
    fetch: (url, init) => fetchOver(agent, check(String(url)), init),
  };
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

type Where = Omit<Target, 'address'> & Readonly<{ host: string }>;
type LookupAll = (hostname: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;
type JudgeAll = (where: Where, addresses: readonly string[]) => UrlRefusal | undefined;
type Guard = Readonly<{ lookupAll: LookupAll; judgeAll: JudgeAll }>;

const refused = (code: UrlRefusalCode, message: string): UrlRefusal => ({ ok: false, code, message });
const unresolved = (host: string): UrlRefusal =>
  refused(
    'name_not_resolved',
    `${host} has no address that can be found: check the name and the resolver of this host`,
  );

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

function whereOf({ protocol, hostname, port }: Readonly<{ protocol: string; hostname: string; port: string }>): Where {
  const plain = protocol === 'http:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (plain ? 80 : 443)), plain };
}

function addressesOf(host: string, lookupAll: LookupAll, timeoutMs: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const timer = startTimer('look_up', timeoutMs, () => resolve([]));
    lookupAll(host, (_, found) => {
      clearTimeout(timer);
      resolve(found.map(({ address }) => address));
    });
  });
}

function makeAgent(options: OutboundOptions, connectorOf: (origin: URL) => buildConnector.connector): Agent {
  const { headersTimeoutMs: headersTimeout = 300_000, bodyTimeoutMs: bodyTimeout = 300_000 } = options;
  return new Agent({
    headersTimeout,
    bodyTimeout,
    factory: (origin, pool) => new Pool(origin, { ...pool, connect: connectorOf(new URL(origin)) }),
  });
}

/**
 * One connector an origin, as Node tells a `lookup` neither port nor scheme. Node skips the look-up of a literal: that
 * is judged here.
 */
function guardedConnector(
  where: Where,
  { connectTimeoutMs = 10_000 }: OutboundOptions,
  { lookupAll, judgeAll }: Guard,
): buildConnector.connector {
  const lookup: LookupFunction = (hostname, { all }, done) => {
    lookupAll(hostname, (error, found) => {
      const refusal =
        error === null
          ? judgeAll(
              where,
              found.map(({ address }) => address),
            )
          : unresolved(where.host);
      const [first] = found;
      if (refusal !== undefined || first === undefined)
        return done(new OutboundRefused(refusal ?? unresolved(where.host)), []);
      return all === true ? done(null, [...found]) : done(null, first.address, first.family);
    });
  };
  const connect = buildConnector({
    lookup,
    timeout: connectTimeoutMs,
    allowH2: false,
    autoSelectFamily: true,
  } as buildConnector.BuildOptions);
  return (target, done) => {
    const actual = whereOf(target);
    const refusal = isIP(actual.host) === 0 ? undefined : judgeAll(actual, [actual.host]);
    if (refusal === undefined) connect(target, done);
    else done(new OutboundRefused(refusal), null);
  };
}
