import { Module } from '@nestjs/common';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';
import { SettingsService } from './settings.service.js';

/** Who is notified of alarms; rooms with notifications of their own use the settings. */
@Module({
  controllers: [NotificationsController],
  providers: [NotificationsService, SettingsService],
  exports: [SettingsService],
})
export class NotificationsModule {}
