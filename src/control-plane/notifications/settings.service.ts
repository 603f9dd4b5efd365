import { Inject, Injectable } from '@nestjs/common';
import { EventStore, type Versioned } from '../../record/event-store/event-store.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { OUTBOUND } from '../../platform/runtime/parts.js';
import { requireMatch } from '../../platform/rest/versions.js';
import { urlProblem } from '../../platform/runtime/problems.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { decideNotificationsChange, NO_NOTIFICATIONS, type Notifications } from './notifications.js';
import { loadWebhook, notificationsStreamOf, saveWebhook, type Webhook } from './notifications.store.js';
import { lastDelivery, type Delivery } from './outbox.js';
import { settingsId, type Subject } from './subjects.js';
import { newWebhookSecret } from './webhook.js';

/** New settings. `pointer` names the webhook's URL in the request. */
export type NewSettings = Readonly<{
  webhookUrl: string | null;
  emails: readonly string[];
  newSecret: boolean;
  pointer: string;
}>;

/** The settings of an organization for one subject, and how the newest notifications fared. */
export type Settings = Readonly<{
  version: number;
  webhookUrl: string | null;
  emails: readonly string[];
  lastWebhook: Delivery | null;
  lastMail: Delivery | null;
}>;

type Place = Readonly<{ subject: Subject; organizationId: string }>;

/** Who is notified of what, in each organization. All refusals are Problems. */
@Injectable()
export class SettingsService {
  readonly #store: EventStore;
  readonly #vault: Vault;
  readonly #outbound: Outbound;

  constructor(store: EventStore, vault: Vault, @Inject(OUTBOUND) outbound: Outbound) {
    this.#store = store;
    this.#vault = vault;
    this.#outbound = outbound;
  }

  get(subject: Subject, { organizationId }: Principal): Promise<Settings> {
    return this.#store.read(organizationId, (tx) => this.#view(tx, { subject, organizationId }));
  }

  /**
   * Replaces the settings. The secret stays with a new URL unless a new one is asked for; `webhookSecret` is there when
   * it was made. @throws Problem precondition_failed, url_not_allowed, invalid_body (no URL)
   */
  async update(
    subject: Subject,
    principal: Principal,
    ifMatch: string | undefined,
    { webhookUrl, emails, newSecret, pointer }: NewSettings,
  ): Promise<Settings & Readonly<{ webhookSecret?: string }>> {
    const { organizationId } = principal;
    const place = { subject, organizationId };
    const url = webhookUrl === null ? undefined : await this.#guarded(webhookUrl, pointer);
    return this.#store.change(principal, async (change) => {
      requireMatch(ifMatch, (await this.#settings(change.tx, place)).version);
      const before = await loadWebhook(change.tx, { vault: this.#vault, ...place });
      const webhook: Webhook | undefined = url && {
        url: url.href,
        secret: before && !newSecret ? before.secret : newWebhookSecret(),
      };
      await change.apply(notificationsStreamOf(subject), settingsId(subject, organizationId), () =>
        decideNotificationsChange(subject.event, { webhookOrigin: url?.origin ?? null, emails }),
      );
      await saveWebhook(change.tx, { vault: this.#vault, ...place }, webhook);
      const shown = await this.#view(change.tx, place);
      return webhook && webhook.secret !== before?.secret ? { ...shown, webhookSecret: webhook.secret } : shown;
    });
  }

  /** A name that is not found yet passes: it is looked up again with each notification. */
  async #guarded(text: string, pointer: string): Promise<URL> {
    const checked = this.#outbound.check(text);
    if (!checked.ok) throw urlProblem(pointer, checked);
    const resolved = await this.#outbound.resolve(checked.url);
    if (!resolved.ok && resolved.code !== 'name_not_resolved') throw urlProblem(pointer, resolved);
    return checked.url;
  }

  async #settings(tx: Tx, { subject, organizationId }: Place): Promise<Versioned<Notifications>> {
    const stored = await notificationsStreamOf(subject).load(tx, organizationId, settingsId(subject, organizationId));
    return stored ?? { version: 0, state: NO_NOTIFICATIONS };
  }

  async #view(tx: Tx, place: Place): Promise<Settings> {
    const { version, state } = await this.#settings(tx, place);
    const webhook = await loadWebhook(tx, { vault: this.#vault, ...place });
    return {
      version,
      webhookUrl: webhook?.url ?? null,
      emails: state.emails,
      lastWebhook: await lastDelivery(tx, place, 'webhook'),
      lastMail: await lastDelivery(tx, place, 'mail'),
    };
  }
}
