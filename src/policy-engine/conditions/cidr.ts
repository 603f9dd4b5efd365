import ipaddr from 'ipaddr.js';

type Range = Readonly<{ contains: (address: string) => boolean | 'undecidable' }>;

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
  return {
    contains: (address) => {
      const given = parseAddress(address);
      return given === undefined ? 'undecidable' : given.kind() === network.kind() && given.match(network, bits);
    },
  };
}

const longestAddress = 45;

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (text.length > longestAddress || text.includes('%')) return undefined;
  if (!text.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text);
}
