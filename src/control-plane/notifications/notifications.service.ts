import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../platform/rest/allowed.js';
import { CONFIG } from '../../platform/runtime/parts.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Config } from '../../platform/settings/config.js';
import { EventStore } from '../../record/event-store/event-store.js';
import { tellAlarm } from './alarms.js';
import type {
  AlarmDeliveryView,
  AlarmNotificationsView,
  AlarmNotificationsWithSecret,
  UpdateAlarmNotifications,
} from './notifications.dto.js';
import type { Delivery } from './outbox.js';
import { SettingsService, type Settings } from './settings.service.js';
import { ALARMS, settingsId } from './subjects.js';

const toDelivery = (delivery: Delivery | null): AlarmDeliveryView | null => {
  if (!delivery) return null;
  const { about: subjectId, ...rest } = delivery;
  return { ...rest, subjectId };
};

/** Where alarms of an organization go. All refusals are Problems. */
@Injectable()
export class NotificationsService {
  readonly #settings: SettingsService;
  readonly #store: EventStore;
  readonly #sendsMail: boolean;

  constructor(settings: SettingsService, store: EventStore, @Inject(CONFIG) config: Config) {
    this.#settings = settings;
    this.#store = store;
    this.#sendsMail = config.mail !== undefined;
  }

  async get(principal: Principal): Promise<AlarmNotificationsView> {
    return this.#view(await this.#settings.get(ALARMS, principal));
  }

  /**
   * Replaces the settings. The secret stays with a new URL unless a new one is asked for. @throws Problem
   * precondition_failed, url_not_allowed, invalid_body (neither webhook nor emails, or no URL)
   */
  async update(
    principal: Principal,
    ifMatch: string | undefined,
    { webhook, emails, newSecret = false }: UpdateAlarmNotifications,
  ): Promise<AlarmNotificationsWithSecret> {
    if (webhook === undefined && emails === undefined)
      throw new Problem('invalid_body', 'Send webhook or emails: what is left out is taken away.');
    const settings = { webhookUrl: webhook ?? null, emails: emails ?? [], newSecret, pointer: '/webhook' };
    const { webhookSecret, ...changed } = await this.#settings.update(ALARMS, principal, ifMatch, settings);
    return { ...this.#view(changed), ...(webhookSecret === undefined ? {} : { webhookSecret }) };
  }

  /** Sends a test alarm the way of all alarms; `lastWebhook` and `lastMail` say how it fared, a little later. */
  async test(principal: Principal): Promise<AlarmNotificationsView> {
    const { organizationId } = principal;
    await this.#store.change(principal, ({ tx }) =>
      tellAlarm(tx, organizationId, {
        type: 'notifications.test',
        subjectId: settingsId(ALARMS, organizationId),
        title: 'A test of alarms from Toolgate',
        detail: 'An admin of your organization asked for this test. Nothing is wrong.',
        quietSeconds: 0,
      }),
    );
    return this.get(principal);
  }

  #view({ webhookUrl, lastWebhook, lastMail, ...settings }: Settings): AlarmNotificationsView {
    return {
      ...settings,
      webhook: webhookUrl,
      sendsMail: this.#sendsMail,
      lastWebhook: toDelivery(lastWebhook),
      lastMail: toDelivery(lastMail),
    };
  }
}
