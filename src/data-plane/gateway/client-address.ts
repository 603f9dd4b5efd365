import ipaddr from 'ipaddr.js';
import type { IncomingMessage } from 'node:http';

const parse = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined =>
  ipaddr.isValid(text) ? ipaddr.process(text) : undefined;

const isTrusted = (address: string, trusted: readonly string[]): boolean => {
  const parsed = parse(address);
  return (
    parsed !== undefined &&
    trusted.some((range) => {
      const [network, bits] = ipaddr.parseCIDR(range);
      return network.kind() === parsed.kind() && parsed.match(network, bits);
    })
  );
};

const CACHE_SIZE = 10_000;
const written = new Map<string, string | null>();

/** An address in its one spelling, IPv4 also where it came mapped into IPv6; null when it is none. */
const normalized = (address: string): string | null => {
  const known = written.get(address);
  if (known !== undefined) return known;
  const text = parse(address)?.toString() ?? null;
  if (written.size >= CACHE_SIZE) written.clear();
  written.set(address, text);
  return text;
};

/**
 * The client's address: the connection's, or, where that is a trusted proxy, the last address in `X-Forwarded-For` that
 * is not one. What an untrusted client writes into the header never counts.
 */
export const clientAddress = (request: IncomingMessage, trusted: readonly string[]): string | null => {
  let address = request.socket.remoteAddress ?? null;
  if (trusted.length > 0) {
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
    while (address !== null && isTrusted(address, trusted) && forwarded.length > 0) address = forwarded.pop() ?? null;
  }
  return address === null ? null : normalized(address);
};
