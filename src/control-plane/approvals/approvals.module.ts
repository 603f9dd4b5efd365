import { Module } from '@nestjs/common';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsService } from './approvals.service.js';
import { NotificationsController } from './notifications/notifications.controller.js';
import { NotificationsService } from './notifications/notifications.service.js';

/** Approvals of held calls, for the people who decide them, and who is notified of them. */
@Module({
  // Nest would take the path of the settings for an approval's id if the settings came second.
  controllers: [NotificationsController, ApprovalsController],
  providers: [ApprovalsService, NotificationsService],
})
export class ApprovalsModule {}
