import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostNameOf, isLoopback } from './host-names.js';

/**
 * Whether a request may be answered here, by the host that it names. It has no side effect but a small memory of what
 * passed.
 */
export type HostRule = (request: IncomingMessage) => boolean;

type HostSettings = Readonly<{
  host: string;
  publicUrl: string | undefined;
  allowedHosts: readonly string[];
  boundToLoopback: boolean;
}>;

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{0,5})?$/i;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/is;
const MAX_REMEMBERED = 100;

/**
 * The name in a whole `Host` value, or undefined when the value is anything else than a name or an address with or
 * without a port.
 */
const nameIn = (value: string): string | undefined => {
  const [, name] = HOST.exec(value) ?? [];
  if (name === undefined) return undefined;
  if (!name.startsWith('[')) return name.toLowerCase();
  return URL.canParse(`http://${name}`) ? hostNameOf(`http://${name}`) : undefined;
};

/**
 * The one `Host` of a request; undefined when there is none or more than one: Node keeps the first of several, and
 * another reader may take the last.
 */
const onlyHost = ({ rawHeaders, headers }: IncomingMessage): string | undefined => {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count === 1 ? headers.host : undefined;
};

/**
 * Which hosts a request may name: that of PUBLIC_URL (or of HOST, when PUBLIC_URL is not set), those in ALLOWED_HOSTS,
 * and loopback when we listen on loopback only. A web page that rebinds its own name to our address names itself, and
 * is refused. Without a PUBLIC_URL beyond loopback any IP address passes, as an address can't be rebound. The port is
 * ignored. A request target in absolute form (RFC 9112, 3.2.2) must name such a host too.
 */
export const makeHostRule = ({ host, publicUrl, allowedHosts, boundToLoopback }: HostSettings): HostRule => {
  const names = new Set([publicUrl === undefined ? host.toLowerCase() : hostNameOf(publicUrl), ...allowedHosts]);
  const takesAddresses = publicUrl === undefined && !boundToLoopback;
  const passes = (value: string): boolean => {
    const name = nameIn(value);
    return (
      name !== undefined &&
      (names.has(name) || (boundToLoopback && isLoopback(name)) || (takesAddresses && isIP(name) !== 0))
    );
  };
  const passed = new Set<string>();
  return (request) => {
    const value = onlyHost(request);
    const authority = request.url?.startsWith('/') === true ? undefined : ABSOLUTE_FORM.exec(request.url ?? '')?.[1];
    if (value === undefined || (authority !== undefined && !passes(authority))) return false;
    if (passed.has(value)) return true;
    if (!passes(value)) return false;
    if (passed.size < MAX_REMEMBERED) passed.add(value);
    return true;
  };
};

/**
 * A request target in origin form: a path with its query. One in absolute form becomes the same (RFC 9112, 3.2.2), so
 * that every reader of it sees one form.
 */
export const originForm = (target: string): string => {
  if (target.startsWith('/')) return target;
  const rest = ABSOLUTE_FORM.exec(target)?.[2];
  if (rest === undefined) return target;
  return rest.startsWith('/') ? rest : `/${rest.replace(/^#.*$/s, '')}`;
};
