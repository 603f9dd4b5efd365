import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

type Range = Readonly<{ contains: (address: Address) => boolean }>;

/**
 * A range of addresses, `10.0.0.0/8`, `2001:db8::/32` or one address; undefined when it is none. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`, RFC 4291
 * 2.5.5.2) is that IPv4 address, and only dotted decimals without leading zeros are IPv4: what others read in other ways is undecidable.
 */
export function parseRange(text: string): Range | undefined {
  const [written = '', prefix, ...more] = text.split('/');
  const network = parseAddress(written);
  if (network === undefined || more.length > 0) return undefined;
  const mapped = network.kind() === 'ipv4' && written.includes(':') ? 96 : 0;
  const size = network.kind() === 'ipv4' ? 32 : 128;
  if (prefix !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const bits = prefix === undefined ? size : Number(prefix) - mapped;
  if (bits < 0 || bits > size) return undefined;
  const kind = network.kind();
  return { contains: (address) => address.kind() === kind && address.match(network, bits) };
}

const longestAddress = 45;
const fourDecimals = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** An address; undefined for a text that is none, or one that others read in other ways. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > longestAddress || text.includes('%')) return undefined;
  // The library takes long to say no.
  if (!text.includes(':')) return fourDecimals.test(text) && ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text) : undefined;
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text);
}
