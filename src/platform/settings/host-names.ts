import { isIPv4 } from 'node:net';

/** The host of a URL in its one spelling: in lower case, an IPv6 address without brackets. */
export const hostNameOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

/** Whether a host name or an address (IPv6 without brackets) is a loopback one. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
