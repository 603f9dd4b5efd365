import { Module } from '@nestjs/common';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsService } from './approvals.service.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ApprovalNotificationsController } from './notifications/notifications.controller.js';
import { ApprovalNotificationsService } from './notifications/notifications.service.js';

/** Approvals of held calls, for the people who decide them, and who is notified of them. */
@Module({
  imports: [NotificationsModule],
  // Nest would take the path of the settings for an approval's id if the settings came second.
  controllers: [ApprovalNotificationsController, ApprovalsController],
  providers: [ApprovalsService, ApprovalNotificationsService],
})
export class ApprovalsModule {}
