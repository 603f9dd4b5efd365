import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../../platform/runtime/parts.js';
import type { Config } from '../../../platform/settings/config.js';
import { Problem } from '../../../platform/runtime/problems.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { APPROVALS } from '../../notifications/subjects.js';
import type { Delivery } from '../../notifications/outbox.js';
import { SettingsService, type Settings } from '../../notifications/settings.service.js';
import type {
  DeliveryView,
  NotificationsView,
  NotificationsWithSecret,
  UpdateNotifications,
} from './notifications.dto.js';

const toDelivery = (delivery: Delivery | null): DeliveryView | null => {
  if (!delivery) return null;
  const { about: approvalId, time, status, detail } = delivery;
  return { approvalId, time, status, detail };
};

const toView = ({ lastWebhook, lastMail, ...settings }: Settings): NotificationsView => ({
  ...settings,
  lastWebhook: toDelivery(lastWebhook),
  lastMail: toDelivery(lastMail),
});

/** Who is notified of an organization's approvals. All refusals are Problems. */
@Injectable()
export class ApprovalNotificationsService {
  readonly #settings: SettingsService;
  readonly #sendsMail: boolean;

  constructor(settings: SettingsService, @Inject(CONFIG) config: Config) {
    this.#settings = settings;
    this.#sendsMail = config.mail !== undefined;
  }

  async get(principal: Principal): Promise<NotificationsView> {
    return toView(await this.#settings.get(APPROVALS, principal));
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
    if (emails.length > 0 && !this.#sendsMail)
      throw new Problem(
        'unsupported',
        'This installation sends no mail: its operator has to set SMTP_URL and MAIL_FROM.',
      );
    const settings = { webhookUrl, emails, newSecret, pointer: '/webhookUrl' };
    const { webhookSecret, ...changed } = await this.#settings.update(APPROVALS, principal, ifMatch, settings);
    return { ...toView(changed), ...(webhookSecret === undefined ? {} : { webhookSecret }) };
  }
}
