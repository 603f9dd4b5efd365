import { createHmac, randomBytes } from 'node:crypto';
import { OutboundRefused, type Outbound } from '../../platform/outbound/outbound.js';
import type { Webhook } from './notifications.store.js';

const TIMEOUT_MS = 10_000;
const PREFIX = 'whsec_';

/** A new signing secret, as Standard Webhooks writes it: 24 to 64 random bytes in Base64. */
export const newWebhookSecret = (): string => PREFIX + randomBytes(32).toString('base64');

/** The headers of a webhook (Standard Webhooks 1.0): HMAC-SHA-256 over id, time in seconds and body. */
export const signedHeaders = (
  secret: string,
  id: string,
  now: Date,
  body: string,
): Readonly<Record<string, string>> => {
  const seconds = Math.floor(now.getTime() / 1000);
  const signature = createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'))
    .update(`${id}.${seconds}.${body}`)
    .digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'Toolgate',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
};

const failureText = (error: unknown): string => {
  const refused =
    error instanceof OutboundRefused
      ? error
      : error instanceof Error && error.cause instanceof OutboundRefused
        ? error.cause
        : undefined;
  if (refused) return refused.message;
  return error instanceof Error && error.name === 'TimeoutError'
    ? `no answer in ${TIMEOUT_MS / 1000} s`
    : 'it could not be reached';
};

/**
 * Posts a signed body through the guard; any 2xx takes it, redirects are not followed. Rejects with an `Error` that
 * holds no more of the URL than its host.
 */
export const postWebhook = async (
  outbound: Outbound,
  { url, secret }: Webhook,
  message: Readonly<{ id: string; body: string; now: Date }>,
): Promise<void> => {
  const { id, body, now } = message;
  const headers = signedHeaders(secret, id, now, body);
  const response = await outbound
    .fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) })
    .catch((error: unknown) => {
      throw new Error(failureText(error));
    });
  await response.body?.cancel().catch(() => undefined);
  if (!response.ok) throw new Error(`it answered with HTTP status ${response.status}`);
};
