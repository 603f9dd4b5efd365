import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { expect, test } from 'vitest';
import { parseAddress, parseRange } from '../../../src/policy-engine/conditions/cidr.js';

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const decimals = fc.array(
  fc.oneof(
    octet.map(String),
    fc.constantFrom('', '00', '01', '256', '0x1', '1e1', '-1', '+1', ' 1', '１', '999999999999'),
  ),
  { minLength: 1, maxLength: 6 },
);

/** Dotted decimals without leading zeros, each an octet. */
const isIpv4 = (text: string): boolean =>
  /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text) && ipaddr.IPv4.isValid(text);

test('a text without a colon is an address exactly when it is four plain decimals from 0 to 255', () => {
  fc.assert(
    fc.property(decimals, (parts) => (parseAddress(parts.join('.')) !== undefined) === isIpv4(parts.join('.'))),
    { numRuns: 3000 },
  );
  for (const text of ['0.0.0.0', '255.255.255.255', '1.2.3.4']) expect(parseAddress(text)).toBeDefined();
  for (const text of [
    '',
    '.',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.4 ',
    '4294967295',
  ])
    expect(parseAddress(text)).toBeUndefined();
});

test('a range has the addresses that the library finds in it, also as IPv6 writes them', () => {
  const bits = fc.integer({ min: 0, max: 32 });
  // A near address shares the first bits of the network, so that both answers come up.
  const pair = fc.tuple(ipv4, bits, fc.nat(0xffff)).map(([network, prefix, change]) => {
    const octets = network.split('.').map(Number);
    return {
      network,
      prefix,
      near: [octets[0], octets[1], (octets[2] ?? 0) ^ (change >> 8), (octets[3] ?? 0) ^ (change & 255)].join('.'),
    };
  });
  fc.assert(
    fc.property(pair, ipv4, ({ network, prefix, near }, far) => {
      for (const address of [near, far])
        for (const written of [address, `::ffff:${address}`]) {
          const found = parseAddress(written);
          expect(found !== undefined && parseRange(`${network}/${prefix}`)?.contains(found)).toBe(
            ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(network), prefix),
          );
        }
    }),
    { numRuns: 1000 },
  );
});

test('an address of one family is in no range of the other', () => {
  expect(parseRange('0.0.0.0/0')?.contains(parseAddress('::1') ?? 0)).toBe(false);
  expect(parseRange('::/0')?.contains(parseAddress('1.2.3.4') ?? 0)).toBe(false);
});
