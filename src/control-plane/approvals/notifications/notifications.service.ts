import { Inject, Injectable } from '@nestjs/common';
import { EventStore, type Versioned } from '../../../record/event-store/event-store.js';
import type { Tx } from '../../../platform/postgres/database.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { CONFIG, OUTBOUND } from '../../../platform/runtime/parts.js';
import type { Config } from '../../../platform/settings/config.js';
import { requireMatch } from '../../../platform/rest/versions.js';
import { Problem, urlProblem } from '../../../platform/runtime/problems.js';
import { Vault } from '../../../platform/crypto/vault.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { decideNotificationsChange, NO_NOTIFICATIONS, notificationsId, type Notifications } from './notifications.js';
import type { UpdateNotifications, NotificationsView, NotificationsWithSecret } from './notifications.dto.js';
import { loadWebhook, notificationsStream, saveWebhook, type Webhook } from './notifications.store.js';
import { lastDelivery } from './outbox.js';
import { newWebhookSecret } from './webhook.js';

/** Who is notified of an organization's approvals. All refusals are Problems. */
@Injectable()
export class NotificationsService {
  readonly #store: EventStore;
  readonly #vault: Vault;
  readonly #outbound: Outbound;
  readonly #sendsMail: boolean;

  constructor(store: EventStore, vault: Vault, @Inject(OUTBOUND) outbound: Outbound, @Inject(CONFIG) config: Config) {
    this.#store = store;
    this.#vault = vault;
    this.#outbound = outbound;
    this.#sendsMail = config.mail !== undefined;
  }

  get({ organizationId }: Principal): Promise<NotificationsView> {
    return this.#store.read(organizationId, (tx) => this.#view(tx, organizationId));
  }

  /**
   * Replaces the settings. The secret stays with a new URL unless a new one is asked for. @throws Problem
   * precondition_failed, url_not_allowed, invalid_body (no URL), unsupported (no mail server)
   */
  async update(
    principal: Principal,
    ifMatch: string | undefined,
    body: UpdateNotifications,
  ): Promise<NotificationsWithSecret> {
    if (body.webhookUrl === undefined && body.emails === undefined)
      throw new Problem('invalid_body', 'Send webhookUrl or emails: what is left out is taken away.');
    const { webhookUrl = null, newSecret = false, emails = [] } = body;
    const { organizationId } = principal;
    if (emails.length > 0 && !this.#sendsMail)
      throw new Problem(
        'unsupported',
        'This installation sends no mail: its operator has to set SMTP_URL and MAIL_FROM.',
      );
    const url = webhookUrl === null ? undefined : await this.#guarded(webhookUrl);
    return this.#store.change(principal, async (change) => {
      requireMatch(ifMatch, (await this.#settings(change.tx, organizationId)).version);
      const before = await loadWebhook(change.tx, this.#vault, organizationId);
      const webhook: Webhook | undefined = url && {
        url: url.href,
        secret: before && !newSecret ? before.secret : newWebhookSecret(),
      };
      await change.apply(notificationsStream, notificationsId(organizationId), (state) =>
        decideNotificationsChange(notificationsId(organizationId), state, {
          webhookOrigin: url?.origin ?? null,
          emails,
        }),
      );
      await saveWebhook(change.tx, this.#vault, organizationId, webhook);
      const shown = await this.#view(change.tx, organizationId);
      return webhook && webhook.secret !== before?.secret ? { ...shown, webhookSecret: webhook.secret } : shown;
    });
  }

  /** A name that is not found yet passes: it is looked up again with each notification. */
  async #guarded(text: string): Promise<URL> {
    const checked = this.#outbound.check(text);
    if (!checked.ok) throw urlProblem('/webhookUrl', checked);
    const resolved = await this.#outbound.resolve(checked.url);
    if (!resolved.ok && resolved.code !== 'name_not_resolved') throw urlProblem('/webhookUrl', resolved);
    return checked.url;
  }

  async #settings(tx: Tx, organizationId: string): Promise<Versioned<Notifications>> {
    const stored = await notificationsStream.load(tx, organizationId, notificationsId(organizationId));
    return stored ?? { version: 0, state: NO_NOTIFICATIONS };
  }

  async #view(tx: Tx, organizationId: string): Promise<NotificationsView> {
    const { version, state } = await this.#settings(tx, organizationId);
    const webhook = await loadWebhook(tx, this.#vault, organizationId);
    return {
      version,
      webhookUrl: webhook?.url ?? null,
      emails: state.emails,
      lastWebhook: await lastDelivery(tx, organizationId, 'webhook'),
      lastMail: await lastDelivery(tx, organizationId, 'mail'),
    };
  }
}
