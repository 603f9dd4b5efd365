import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { NotificationsBody, NotificationsView, NotificationsWithSecret } from './notifications.dto.js';
import { NotificationSettings } from './notifications.service.js';

@ApiTags('approvals')
@Controller('v1/approvals/notifications')
export class NotificationsController {
  constructor(private readonly settings: NotificationSettings) {}

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: NotificationsView })
  getApprovalNotifications(@CurrentPrincipal() principal: Principal): Promise<NotificationsView> {
    return this.settings.get(principal);
  }

  @Put()
  @Allowed('admin')
  @ApiOkResponse({ type: NotificationsWithSecret })
  replaceApprovalNotifications(
    @CurrentPrincipal() principal: Principal,
    @Body() body: NotificationsBody,
  ): Promise<NotificationsWithSecret> {
    return this.settings.replace(principal, body);
  }
}
