import { Module } from '@nestjs/common';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Config } from '../../platform/settings/config.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { CONFIG, OUTBOUND } from '../../platform/runtime/parts.js';
import { Vault } from '../../platform/crypto/vault.js';
import { ApprovalsController } from './approvals.controller.js';
import { Approvals } from './approvals.service.js';
import { NotificationsController } from './notifications/notifications.controller.js';
import { NotificationSettings } from './notifications/notifications.service.js';

/** Approvals of held calls, for the people who decide them, and who hears of them. */
@Module({
  // The path of the settings would else be taken for an approval's.
  controllers: [NotificationsController, ApprovalsController],
  providers: [
    {
      provide: Approvals,
      inject: [EventStore, Vault],
      useFactory: (store: EventStore, vault: Vault) => new Approvals(store, vault),
    },
    {
      provide: NotificationSettings,
      inject: [EventStore, Vault, OUTBOUND, CONFIG],
      useFactory: (store: EventStore, vault: Vault, outbound: Outbound, config: Config) =>
        new NotificationSettings({ store, vault, outbound, sendsMail: config.mail !== undefined }),
    },
  ],
})
export class ApprovalsModule {}
