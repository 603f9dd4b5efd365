import { promisify } from 'node:util';
import { gzip as gzipBytes } from 'node:zlib';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { flagField, oneOfField, optional } from '../config/config-fields.js';
import { headersField, tlsField, urlField } from '../config/outside-fields.js';
import type { Kind, OutgoingItem } from '../kind.js';
import { makeHttpSender, resultOf } from '../sending/send-http.js';

const compress = promisify(gzipBytes);

type HttpConfig = Readonly<{
  url: string;
  headers?: Readonly<Record<string, string>> | undefined;
  body?: 'ndjson' | 'json_array' | undefined;
  gzip?: boolean | undefined;
  tls?: TlsOptions | undefined;
}>;

const bodyText = (items: readonly OutgoingItem[], body: 'ndjson' | 'json_array'): string =>
  body === 'ndjson' ? items.map(({ text }) => `${text}\n`).join('') : `[${items.map(({ text }) => text).join(',')}]`;

/** Any collector that takes lines or an array by POST. A format that is no JSON goes as lines of text. */
export const http: Kind<HttpConfig> = {
  name: 'http',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    url: urlField(),
    headers: headersField(),
    body: optional(oneOfField('ndjson', 'json_array')),
    gzip: optional(flagField()),
    tls: tlsField(),
  },
  open: ({ url, headers = {}, body = 'ndjson', gzip = false, tls }, { outbound, format }) => {
    const sender = makeHttpSender({ outbound, tls });
    const shape = format.isJson ? body : 'ndjson';
    const mediaType = !format.isJson
      ? 'text/plain; charset=utf-8'
      : shape === 'ndjson'
        ? 'application/x-ndjson'
        : 'application/json';
    return {
      send: async ({ items }, signal) => {
        const text = bodyText(items, shape);
        const request = {
          method: 'POST',
          url,
          headers: { ...headers, 'content-type': mediaType, ...(gzip ? { 'content-encoding': 'gzip' } : {}) },
          body: gzip ? await compress(text) : text,
        } as const;
        return resultOf(await sender.request(request, signal));
      },
      close: sender.close,
    };
  },
};
