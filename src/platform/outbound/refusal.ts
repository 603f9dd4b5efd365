import type { AddressRefusal } from './outbound-address.js';

export type UrlRefusalCode =
  AddressRefusal['code'] | 'url_invalid' | 'url_scheme' | 'url_userinfo' | 'url_fragment' | 'name_not_resolved';
export type UrlRefusal = Readonly<{ ok: false; code: UrlRefusalCode; message: string }>;

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

/** A refusal as data. */
export const refused = (code: UrlRefusalCode, message: string): UrlRefusal => ({ ok: false, code, message });

/** The refusal of a name without an address. */
export const unresolved = (host: string): UrlRefusal =>
  refused(
    'name_not_resolved',
    `${host} has no address that can be found: check the name and the resolver of this host`,
  );
