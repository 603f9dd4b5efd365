import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP, Socket, type LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { buildConnector } from 'undici';
import { startTimer } from '../runtime/guard.js';
import type { Target } from './outbound-address.js';
import { OutboundRefused, unresolved, type UrlRefusal } from './refusal.js';

/** PEM texts: the CA that is trusted instead of the system's, our own certificate and its key. */
export type TlsOptions = Readonly<{
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** Whom the certificate of the other side has to name; the host by default. */
  serverName?: string | undefined;
}>;

/** Where a socket leads. Without `tls` it is plain, which only ranges in `allow` may be reached by. */
export type SocketTarget = Readonly<{ host: string; port: number; tls?: TlsOptions | undefined }>;

/** Where a connection leads, and how. */
export type Where = Omit<Target, 'address'> & Readonly<{ host: string }>;
/** Every address of a name. */
export type LookupAll = (
  hostname: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;
/** The refusal for the first of a host's addresses that may not be reached. */
export type JudgeAll = (where: Where, addresses: readonly string[]) => UrlRefusal | undefined;
/** What every connection is judged by. */
export type Guard = Readonly<{ lookupAll: LookupAll; judgeAll: JudgeAll }>;

/** A URL's place. */
export function whereOf({
  protocol,
  hostname,
  port,
}: Readonly<{ protocol: string; hostname: string; port: string }>): Where {
  const plain = protocol === 'http:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (plain ? 80 : 443)), plain };
}

/** Every address of a name that is found in time. */
export function addressesOf(host: string, lookupAll: LookupAll, timeoutMs: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const timer = startTimer('look_up', timeoutMs, () => resolve([]));
    lookupAll(host, (_, found) => {
      clearTimeout(timer);
      resolve(found.map(({ address }) => address));
    });
  });
}

/**
 * One connector an origin, as Node tells a `lookup` neither port nor scheme. Node skips the look-up of a literal: that
 * is judged here.
 */
export function guardedConnector(
  where: Where,
  { connectTimeoutMs = 10_000, tls = {} }: Readonly<{ connectTimeoutMs?: number | undefined; tls?: TlsOptions }>,
  guard: Guard,
): buildConnector.connector {
  const connect = buildConnector({
    lookup: guardedLookup(where, guard),
    timeout: connectTimeoutMs,
    allowH2: false,
    autoSelectFamily: true,
    ...tlsParts(tls),
  } as buildConnector.BuildOptions);
  return (target, done) => {
    const actual = whereOf(target);
    const refusal = isIP(actual.host) === 0 ? undefined : guard.judgeAll(actual, [actual.host]);
    if (refusal === undefined) connect(target, done);
    else done(new OutboundRefused(refusal), null);
  };
}

/** A `lookup` that answers only addresses that may be reached. */
function guardedLookup(where: Where, { lookupAll, judgeAll }: Guard): LookupFunction {
  return (hostname, { all }, done) => {
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
}

/**
 * Why a receiver behind a proxy may not be reached. A name is looked up where it can be: what only the proxy can look
 * up, the proxy has to judge.
 */
export async function judgeBeforeProxy(url: URL, { lookupAll, judgeAll }: Guard): Promise<Error | undefined> {
  const where = whereOf(url);
  const isAddress = isIP(where.host) !== 0;
  const addresses = isAddress ? [where.host] : await addressesOf(where.host, lookupAll, 5_000);
  const refusal = addresses.length === 0 ? undefined : judgeAll(where, addresses);
  return refusal && new OutboundRefused(refusal);
}

/** The options as Node names them. */
export const tlsParts = ({ ca, cert, key, serverName }: TlsOptions): Readonly<Record<string, string>> => ({
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(serverName === undefined ? {} : { servername: serverName }),
});

/** Opens a guarded connection at once. Node skips the look-up of a literal address: that is judged here. */
export function openSocket({ host, port, tls }: SocketTarget, guard: Guard): Socket {
  const where: Where = { host: host.replace(/^\[|\]$/g, ''), port, plain: tls === undefined };
  const refusal = isIP(where.host) === 0 ? undefined : guard.judgeAll(where, [where.host]);
  const target = { host: where.host, port, lookup: guardedLookup(where, guard), autoSelectFamily: true };
  if (refusal !== undefined) return new Socket().destroy(new OutboundRefused(refusal));
  if (tls === undefined) return connectTcp(target);
  const servername = tls.serverName ?? (isIP(where.host) === 0 ? where.host : undefined);
  return connectTls({ ...target, ...tlsParts(tls), ...(servername === undefined ? {} : { servername }) });
}
