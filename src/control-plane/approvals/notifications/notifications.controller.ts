import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { UpdateNotifications, NotificationsView, NotificationsWithSecret } from './notifications.dto.js';
import { NotificationsService } from './notifications.service.js';

@ApiTags('approvals')
@Controller('v1/approvals/notifications')
export class NotificationsController {
  readonly #notifications: NotificationsService;

  constructor(notifications: NotificationsService) {
    this.#notifications = notifications;
  }

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: NotificationsView })
  getApprovalNotifications(@CurrentPrincipal() principal: Principal): Promise<NotificationsView> {
    return this.#notifications.get(principal);
  }

  @Put()
  @Allowed('admin')
  @ApiOkResponse({ type: NotificationsWithSecret })
  updateApprovalNotifications(
    @CurrentPrincipal() principal: Principal,
    @Body() body: UpdateNotifications,
  ): Promise<NotificationsWithSecret> {
    return this.#notifications.update(principal, body);
  }
}
