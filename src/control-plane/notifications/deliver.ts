import type { Database, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import type { Mail, SendMail } from '../../platform/outbound/mail.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import type { Vault } from '../../platform/crypto/vault.js';
import { loadWebhook, notificationsStreamOf, type Webhook } from './notifications.store.js';
import { pruneDone, leaseDue, settle, type DueNotification } from './outbox.js';
import { settingsId, type Subject } from './subjects.js';
import { postWebhook } from './webhook.js';

/** `sendMail` is undefined where this installation sends none. */
export type DeliveryDeps = Readonly<{
  db: Database;
  vault: Vault;
  outbound: Outbound;
  sendMail: SendMail | undefined;
  publicUrl: () => string;
}>;

/** A notification as it is sent: the body of the webhook, and the mail. */
export type Message = Readonly<{ webhookBody: (now: Date) => string; mail: () => Pick<Mail, 'subject' | 'text'> }>;

/** What a notification says now; undefined when there is nothing left to tell. */
export type ReadMessage = (tx: Tx, owed: DueNotification, publicUrl: string) => Promise<Message | undefined>;

/** What is told of, and how. */
export type Told = Readonly<{ subject: Subject; read: ReadMessage }>;

type Found = Readonly<{ message: Message | undefined; webhook: Webhook | undefined; emails: readonly string[] }>;

const POLL_INTERVAL_MS = 1000;
const PRUNE_INTERVAL_MS = 600_000;

const find = (
  { db, vault, publicUrl }: DeliveryDeps,
  { subject, read }: Told,
  owed: DueNotification,
): Promise<Found> => {
  const { organizationId } = owed;
  return db.inOrganization(organizationId, async (tx) => {
    const settings = await notificationsStreamOf(subject).load(tx, organizationId, settingsId(subject, organizationId));
    return {
      message: await read(tx, owed, publicUrl()),
      webhook: await loadWebhook(tx, { vault, subject, organizationId }),
      emails: settings?.state.emails ?? [],
    };
  });
};

/** Sends one notification; false when there is nobody to send it to any more, or nothing left to tell. */
const send = async (
  parts: DeliveryDeps,
  owed: DueNotification,
  { message, webhook, emails }: Found,
): Promise<boolean> => {
  if (!message) return false;
  if (owed.channel === 'webhook') {
    if (!webhook) return false;
    const now = new Date();
    await postWebhook(parts.outbound, webhook, { id: owed.id, body: message.webhookBody(now), now });
    return true;
  }
  if (!parts.sendMail || emails.length === 0) return false;
  await parts.sendMail({ id: owed.id, to: emails, ...message.mail() });
  return true;
};

const deliver = async (parts: DeliveryDeps, told: Told, owed: DueNotification): Promise<void> => {
  const outcome = await find(parts, told, owed)
    .then((found) => send(parts, owed, found))
    .then(
      (delivered) => ({ delivered }),
      (error: unknown) => ({ delivered: false, error: errorText(error) }),
    );
  await settle(parts.db, told.subject, owed, outcome);
};

/**
 * Sends what is owed to webhooks and mail addresses, again after a failure, ever more rarely and for about eight hours.
 * Several processes may; one that dies on the way may have sent a notification that another sends again, under the same
 * id.
 */
export const startDelivery = (parts: DeliveryDeps, told: Told): PollingLoop => {
  let prunedAt = Number.NEGATIVE_INFINITY;
  const round = async (): Promise<number> => {
    const owed = await leaseDue(parts.db, told.subject);
    await Promise.all(
      owed.map((one) =>
        deliver(parts, told, one).catch((error: unknown) =>
          log.warn('a notification could not be settled; it is sent again', {
            organizationId: one.organizationId,
            error: errorText(error),
          }),
        ),
      ),
    );
    if (performance.now() - prunedAt > PRUNE_INTERVAL_MS) {
      await pruneDone(parts.db, told.subject);
      prunedAt = performance.now();
    }
    return owed.length > 0 ? 0 : POLL_INTERVAL_MS;
  };
  return startPollingLoop(round, { failed: 'sending notifications failed', retryDelayMs: POLL_INTERVAL_MS });
};
