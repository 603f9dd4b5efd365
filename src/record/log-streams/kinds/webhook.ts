import { createHmac } from 'node:crypto';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { headersField, tlsField, urlField } from '../config/outside-fields.js';
import type { Kind } from '../kind.js';
import { makeHttpSender, resultOf } from '../sending/send-http.js';

type WebhookConfig = Readonly<{
  url: string;
  headers?: Readonly<Record<string, string>> | undefined;
  tls?: TlsOptions | undefined;
}>;

const PREFIX = 'whsec_';

/** Headers of Standard Webhooks 1.0: HMAC-SHA-256 over id, time in seconds and body, once for each secret. */
const signedHeaders = (
  secrets: readonly string[],
  { id, body }: Readonly<{ id: string; body: string }>,
): Readonly<Record<string, string>> => {
  const seconds = Math.floor(Date.now() / 1000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') };
};

/** Standard Webhooks with a secret that is made here. The body is `{"streamId","items":[…]}`. */
export const webhook: Kind<WebhookConfig> = {
  name: 'webhook',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  makesSecret: true,
  fields: { url: urlField(), headers: headersField(), tls: tlsField() },
  open: ({ url, headers = {}, tls }, { outbound, streamId, format, signingSecrets }) => {
    const sender = makeHttpSender({ outbound, tls });
    return {
      send: async ({ id, items }, signal) => {
        // A line of a format that is no JSON goes as a JSON string.
        const texts = items.map(({ text }) => (format.isJson ? text : JSON.stringify(text)));
        const body = `{"streamId":${JSON.stringify(streamId)},"items":[${texts.join(',')}]}`;
        const signed = signedHeaders(signingSecrets(), { id, body });
        const request = {
          method: 'POST',
          url,
          headers: { ...headers, ...signed, 'content-type': 'application/json' },
          body,
        } as const;
        return resultOf(await sender.request(request, signal));
      },
      close: sender.close,
    };
  },
};
