import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.process>;
type Range = readonly [Address, number];

/** Why an address may not be reached: a stable `code`, and `why`, which names its kind and never the address. */
export type AddressRefusal = Readonly<{
  code: 'address_not_allowed' | 'address_never_allowed' | 'own_port' | 'http_not_allowed';
  why: string;
}>;
export type Target = Readonly<{ address: string; port: number; plain: boolean }>;
export type AddressRules = Readonly<{
  allow: readonly string[];
  ownPorts: () => readonly number[];
  isOwnService?: (address: string, port: number) => boolean;
  allowHttp?: boolean;
}>;

/**
 * Places that are never an MCP server or a log receiver, whatever is allowed: cloud metadata, host agents, this host
 * under its nameless address, many hosts at once.
 */
const never = [
  '0.0.0.0/8',
  '::/128',
  '255.255.255.255/32',
  '224.0.0.0/4',
  'ff00::/8',
  '169.254.169.254/32',
  '169.254.169.253/32',
  '169.254.169.249/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
].map(parseRange);

/** Ranges that the registry has set aside and that ipaddr.js either doesn't know or may forget: 6to4 relays. */
const reserved = ['192.88.99.0/24'].map(parseRange);
const globalV6 = parseRange('2000::/3');

/** Whether an entry of UPSTREAM_ALLOW is an address or a CIDR that `makeOutbound` takes. */
export function isRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return (
    bits > 0 &&
    !address.includes('%') &&
    more.length === 0 &&
    (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  );
}

/**
 * Judges whether a connection to an address may be made; `undefined` means yes. In this order: our own ports on any
 * address of this host, and the services that we use ourselves, never; metadata and the like never; what `allow` lists,
 * yes, in plain http too; else only global unicast, and plain http only with `allowHttp`. IPv6 forms of an IPv4 address
 * are judged as that address. Throws for a range in `allow` that `isRange` refuses.
 */
export function makeAddressJudge(
  rules: AddressRules,
  ownAddresses: () => readonly string[] = interfaceAddresses,
): (target: Target) => AddressRefusal | undefined {
  const allowed = rules.allow.map(parseRange);
  const isOwn = (address: Address): boolean =>
    address.range() === 'loopback' ||
    ownAddresses().some((own) => parseAddress(own)?.toString() === address.toString());
  return ({ address: text, port, plain }) => {
    const address = parseAddress(text);
    if (address === undefined) return { code: 'address_not_allowed', why: 'is no address' };
    if (rules.ownPorts().includes(port) && isOwn(address))
      return { code: 'own_port', why: 'is a port of Toolgate itself' };
    if (rules.isOwnService?.(address.toString(), port) === true)
      return { code: 'own_port', why: 'is a service of Toolgate itself' };
    if (never.some((range) => isInRange(address, range)))
      return { code: 'address_never_allowed', why: 'is an address that is never reachable from here' };
    if (allowed.some((range) => isInRange(address, range))) return undefined;
    if (!isGlobal(address)) return { code: 'address_not_allowed', why: `is not a public address (${address.range()})` };
    return plain && rules.allowHttp !== true
      ? { code: 'http_not_allowed', why: 'is a public address, and plain http goes only to ranges in UPSTREAM_ALLOW' }
      : undefined;
  };
}

/**
 * ipaddr.js reads some IPv4-compatible forms (`::7f00:1`) and unassigned space as unicast: of IPv6 only 2000::/3 is
 * global.
 */
function isGlobal(address: Address): boolean {
  if (address.range() !== 'unicast' || reserved.some((range) => isInRange(address, range))) return false;
  return address.kind() === 'ipv4' || isInRange(address, globalV6);
}

const interfaceAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));

/**
 * Only spellings that Node itself takes for an address: ipaddr.js alone would take `010.0.0.1` and `1` too. A zone is
 * dropped.
 */
function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/, '');
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare);
}

function parseRange(text: string): Range {
  if (!isRange(text)) throw new RangeError('a range is an IP address or a CIDR such as 10.0.0.0/8');
  const [address = '', prefix] = text.split('/');
  const parsed = ipaddr.parse(address);
  const bits = prefix === undefined ? parsed.toByteArray().length * 8 : Number(prefix);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && bits >= 96)
    return [parsed.toIPv4Address(), bits - 96];
  return [parsed, bits];
}

function isInRange(address: Address, [base, bits]: Range): boolean {
  if (address instanceof ipaddr.IPv4) return base instanceof ipaddr.IPv4 && address.match(base, bits);
  return base instanceof ipaddr.IPv6 && address.match(base, bits);
}
