import type { EventStore } from '../../../record/event-store/event-store.js';
import type { Tx } from '../../../platform/postgres/database.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { Problem, urlProblem } from '../../../platform/runtime/problems.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { changeNotifications, nobody, notificationsId } from './notifications.js';
import type { NotificationsBody, NotificationsView, NotificationsWithSecret } from './notifications.dto.js';
import { loadWebhook, notificationsStream, saveWebhook, type Webhook } from './notifications.store.js';
import { lastDelivery } from './outbox.js';
import { newWebhookSecret } from './webhook.js';

/** Who hears of an organization's approvals. All refusals are Problems. */
export class NotificationSettings {
  readonly #parts: Readonly<{ store: EventStore; vault: Vault; outbound: Outbound; sendsMail: boolean }>;

  constructor(parts: Readonly<{ store: EventStore; vault: Vault; outbound: Outbound; sendsMail: boolean }>) {
    this.#parts = parts;
  }

  get({ organizationId }: Principal): Promise<NotificationsView> {
    return this.#parts.store.read(organizationId, (tx) => this.#view(tx, organizationId));
  }

  /**
   * Replaces the settings. The secret stays with a new URL unless a new one is asked for. @throws Problem
   * url_not_allowed, invalid_body (no URL), unsupported (no mail server)
   */
  async replace(principal: Principal, body: NotificationsBody): Promise<NotificationsWithSecret> {
    if (body.webhookUrl === undefined && body.emails === undefined)
      throw new Problem('invalid_body', 'Send webhookUrl or emails: what is left out is taken away.');
    const { webhookUrl = null, newSecret = false, emails = [] } = body;
    const { store, vault, sendsMail } = this.#parts;
    const { organizationId } = principal;
    if (emails.length > 0 && !sendsMail)
      throw new Problem(
        'unsupported',
        'This installation sends no mail: its operator has to set SMTP_URL and MAIL_FROM.',
      );
    const url = webhookUrl === null ? undefined : await this.#guarded(webhookUrl);
    return store.change(principal, async (change) => {
      const before = await loadWebhook(change.tx, vault, organizationId);
      const webhook: Webhook | undefined = url && {
        url: url.href,
        secret: before && !newSecret ? before.secret : newWebhookSecret(),
      };
      await change.apply(notificationsStream, notificationsId(organizationId), () =>
        changeNotifications({ webhookOrigin: url?.origin ?? null, emails }),
      );
      await saveWebhook(change.tx, vault, organizationId, webhook);
      const shown = await this.#view(change.tx, organizationId);
      return webhook && webhook.secret !== before?.secret ? { ...shown, webhookSecret: webhook.secret } : shown;
    });
  }

  /** A name that is not found yet passes: it is looked up again with each notification. */
  async #guarded(text: string): Promise<URL> {
    const checked = this.#parts.outbound.check(text);
    if (!checked.ok) throw urlProblem('/webhookUrl', checked);
    const resolved = await this.#parts.outbound.resolve(checked.url);
    if (!resolved.ok && resolved.code !== 'name_not_resolved') throw urlProblem('/webhookUrl', resolved);
    return checked.url;
  }

  async #view(tx: Tx, organizationId: string): Promise<NotificationsView> {
    const { emails } =
      (await notificationsStream.load(tx, organizationId, notificationsId(organizationId)))?.state ?? nobody;
    const webhook = await loadWebhook(tx, this.#parts.vault, organizationId);
    return {
      webhookUrl: webhook?.url ?? null,
      emails,
      lastWebhook: await lastDelivery(tx, organizationId, 'webhook'),
      lastMail: await lastDelivery(tx, organizationId, 'mail'),
    };
  }
}
