import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import type { SendMail } from '../../../platform/outbound/mail.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import { findApproval, type ShownApproval } from '../approvals.store.js';
import { requestMail, webhookBody } from './message.js';
import { notificationsId } from './notifications.js';
import { loadWebhook, notificationsStream, type Webhook } from './notifications.store.js';
import { pruneDone, leaseDue, settle, type DueNotification } from './outbox.js';
import { postWebhook } from './webhook.js';

/** `sendMail` is undefined where this installation sends none. */
export type DeliveryDeps = Readonly<{
  db: Database;
  vault: Vault;
  outbound: Outbound;
  sendMail: SendMail | undefined;
  publicUrl: () => string;
}>;

type Found = Readonly<{ shown: ShownApproval | undefined; webhook: Webhook | undefined; emails: readonly string[] }>;

const POLL_INTERVAL_MS = 1000;
const PRUNE_INTERVAL_MS = 600_000;

const find = ({ db, vault }: DeliveryDeps, { organizationId, approvalId }: DueNotification): Promise<Found> =>
  db.inOrganization(organizationId, async (tx) => ({
    shown: await findApproval(tx, { organizationId, now: new Date() }, approvalId),
    webhook: await loadWebhook(tx, vault, organizationId),
    emails: (await notificationsStream.load(tx, organizationId, notificationsId(organizationId)))?.state.emails ?? [],
  }));

/** Sends one notification; false when there is nobody to send it to any more, or nothing left to decide. */
const send = async (
  parts: DeliveryDeps,
  owed: DueNotification,
  { shown, webhook, emails }: Found,
): Promise<boolean> => {
  if (!shown || (owed.type === 'approval.requested' && shown.status !== 'pending')) return false;
  if (owed.channel === 'webhook') {
    if (!webhook) return false;
    const now = new Date();
    await postWebhook(parts.outbound, webhook, {
      id: owed.id,
      body: webhookBody(parts.publicUrl(), owed.type, shown, now),
      now,
    });
    return true;
  }
  if (!parts.sendMail || emails.length === 0) return false;
  await parts.sendMail({ id: owed.id, to: emails, ...requestMail(parts.publicUrl(), shown) });
  return true;
};

const deliver = async (parts: DeliveryDeps, owed: DueNotification): Promise<void> => {
  const outcome = await find(parts, owed)
    .then((found) => send(parts, owed, found))
    .then(
      (delivered) => ({ delivered }),
      (error: unknown) => ({ delivered: false, error: errorText(error) }),
    );
  await settle(parts.db, owed, outcome);
};

/**
 * Sends what is owed to webhooks and mail addresses, again after a failure, ever more rarely and for about eight hours.
 * Several processes may; one that dies on the way may have sent a notification that another sends again, under the same
 * id.
 */
export const startNotifications = (parts: DeliveryDeps): PollingLoop => {
  let forgottenAt = Number.NEGATIVE_INFINITY;
  const round = async (): Promise<number> => {
    const owed = await leaseDue(parts.db);
    await Promise.all(
      owed.map((one) =>
        deliver(parts, one).catch((error: unknown) =>
          log.warn('a notification could not be settled; it is sent again', {
            organizationId: one.organizationId,
            error: errorText(error),
          }),
        ),
      ),
    );
    if (performance.now() - forgottenAt > PRUNE_INTERVAL_MS) {
      await pruneDone(parts.db);
      forgottenAt = performance.now();
    }
    return owed.length > 0 ? 0 : POLL_INTERVAL_MS;
  };
  return startPollingLoop(round, { failed: 'sending notifications failed', retryDelayMs: POLL_INTERVAL_MS });
};
