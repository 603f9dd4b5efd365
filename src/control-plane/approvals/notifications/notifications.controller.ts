import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { UpdateNotifications, NotificationsView, NotificationsWithSecret } from './notifications.dto.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../../platform/rest/versions.js';
import { ApprovalNotificationsService } from './notifications.service.js';

@ApiTags('approvals')
@Controller('v1/approvals/notifications')
export class ApprovalNotificationsController {
  readonly #notifications: ApprovalNotificationsService;

  constructor(notifications: ApprovalNotificationsService) {
    this.#notifications = notifications;
  }

  @Get()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: NotificationsView, headers: ETAG })
  getApprovalNotifications(@CurrentPrincipal() principal: Principal): Promise<NotificationsView> {
    return this.#notifications.get(principal);
  }

  @Put()
  @Allowed('admin')
  @ApiIfMatch()
  @Tagged()
  @ApiOkResponse({ type: NotificationsWithSecret, headers: ETAG })
  updateApprovalNotifications(
    @CurrentPrincipal() principal: Principal,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateNotifications,
  ): Promise<NotificationsWithSecret> {
    return this.#notifications.update(principal, ifMatch, body);
  }
}
