import ipaddr from 'ipaddr.js';

/** An IPv4 address is its 32 bits. */
export type Address = number | ipaddr.IPv6;

type Range = Readonly<{ contains: (address: Address) => boolean }>;

/**
 * A range of addresses, `10.0.0.0/8`, `2001:db8::/32` or one address; undefined when it is none. An IPv4 address
 * written as IPv6 (`::ffff:10.0.0.1`, RFC 4291
 * 2.5.5.2) is that IPv4 address, and only dotted decimals without leading zeros are IPv4: what others read in other
 * ways is undecidable.
 */
export function parseRange(text: string): Range | undefined {
  const [written = '', prefix, ...more] = text.split('/');
  const network = parseAddress(written);
  if (network === undefined || more.length > 0) return undefined;
  if (typeof network === 'number') {
    const bits = prefixOf(prefix, 32, written.includes(':') ? 96 : 0);
    return bits === undefined ? undefined : { contains: ofIpv4(network, bits) };
  }
  const bits = prefixOf(prefix, 128, 0);
  return bits === undefined
    ? undefined
    : { contains: (address) => typeof address !== 'number' && address.match(network, bits) };
}

/** How many bits of a network are given, of which it is written with `before` more. */
function prefixOf(prefix: string | undefined, size: number, before: number): number | undefined {
  if (prefix === undefined) return size;
  const bits = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) - before : -1;
  return bits < 0 || bits > size ? undefined : bits;
}

function ofIpv4(network: number, bits: number): Range['contains'] {
  // A shift by 32 shifts by 0.
  return (address) => typeof address === 'number' && (bits === 0 || (address ^ network) >>> (32 - bits) === 0);
}

const MAX_ADDRESS_LENGTH = 45;

/** An address; undefined for a text that is none, or one that others read in other ways. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > MAX_ADDRESS_LENGTH || text.includes('%')) return undefined;
  // The library takes long to say no, and to read what is read here for every call.
  if (!text.includes(':')) return parseIpv4(text);
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? address : parseIpv4(address.toString());
}

/** Four decimals from 0 to 255 without leading zeros. */
function parseIpv4(text: string): number | undefined {
  let bits = 0;
  let decimal = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (decimal < 0) return undefined;
      bits = bits * 256 + decimal;
      decimal = -1;
      dots += 1;
      continue;
    }
    if (code < 48 || code > 57 || decimal === 0) return undefined;
    decimal = decimal < 0 ? code - 48 : decimal * 10 + code - 48;
    if (decimal > 255) return undefined;
  }
  return dots === 3 && decimal >= 0 ? (bits * 256 + decimal) | 0 : undefined;
}
