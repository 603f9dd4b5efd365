import type { Stream } from '../../record/event-store/event-store.js';
import type { NotificationsBody } from '../../record/event-log/events/index.js';
import type { Tx } from '../../platform/postgres/database.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';
import { evolveNotifications, type Notifications } from './notifications.js';
import type { Subject } from './subjects.js';

/** The history of an organization's settings for a subject, and their row. */
export const notificationsStreamOf = ({ settings }: Subject): Stream<Notifications, NotificationsBody> => ({
  noun: 'notification settings',
  evolve: evolveNotifications,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<{ version: number; webhook_origin: string | null; emails: readonly string[] }>(
      `select version, webhook_origin, emails from ${settings} where organization_id = $1 and id = $2`,
      [organizationId, id],
    );
    return (
      rows[0] && { version: rows[0].version, state: { webhookOrigin: rows[0].webhook_origin, emails: rows[0].emails } }
    );
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into ${settings}(organization_id, id, version, webhook_origin, emails)
        values ($1, $2, $3, $4, $5)
       on conflict (organization_id, id) do update
         set version = excluded.version, webhook_origin = excluded.webhook_origin, emails = excluded.emails`,
      [organizationId, id, version, state.webhookOrigin, JSON.stringify(state.emails)],
    );
  },
});

/** Where notifications are posted, and the secret that signs them (`whsec_` and Base64). */
export type Webhook = Readonly<{ url: string; secret: string }>;

const placeOf = ({ webhooks: table }: Subject, organizationId: string): SecretPlace => ({
  organizationId,
  table,
  column: 'sealed_webhook',
  row: organizationId,
});

/** Where the secrets of an organization's subject are. */
export type WebhookPlace = Readonly<{ vault: Vault; subject: Subject; organizationId: string }>;

/**
 * The organization's webhook, decrypted; undefined when it has none. @throws when its sealed text was not sealed with
 * this key for this place.
 */
export const loadWebhook = async (
  tx: Tx,
  { vault, subject, organizationId }: WebhookPlace,
): Promise<Webhook | undefined> => {
  const { rows } = await tx.query<{ sealed_webhook: Buffer }>(
    `select sealed_webhook from ${subject.webhooks} where organization_id = $1`,
    [organizationId],
  );
  return (
    rows[0] &&
    (JSON.parse(
      vault.open(await organizationKey(tx, organizationId), placeOf(subject, organizationId), rows[0].sealed_webhook),
    ) as Webhook)
  );
};

/** Keeps a webhook, sealed; without one the row goes. */
export const saveWebhook = async (
  tx: Tx,
  { vault, subject, organizationId }: WebhookPlace,
  webhook: Webhook | undefined,
): Promise<void> => {
  if (!webhook)
    return void (await tx.query(`delete from ${subject.webhooks} where organization_id = $1`, [organizationId]));
  const sealed = vault.seal(
    await organizationKey(tx, organizationId),
    placeOf(subject, organizationId),
    JSON.stringify(webhook),
  );
  await tx.query(
    `insert into ${subject.webhooks}(organization_id, sealed_webhook) values ($1, $2) on conflict (organization_id)
      do update set sealed_webhook = excluded.sealed_webhook`,
    [organizationId, sealed],
  );
};
