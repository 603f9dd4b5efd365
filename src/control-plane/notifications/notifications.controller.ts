import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { AlarmNotificationsView, AlarmNotificationsWithSecret, UpdateAlarmNotifications } from './notifications.dto.js';
import { NotificationsService } from './notifications.service.js';

/** Where alarms of the organization go. */
@ApiTags('notifications')
@Controller('v1/notifications')
export class NotificationsController {
  readonly #notifications: NotificationsService;

  constructor(notifications: NotificationsService) {
    this.#notifications = notifications;
  }

  @Get()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: AlarmNotificationsView, headers: ETAG })
  getNotifications(@CurrentPrincipal() principal: Principal): Promise<AlarmNotificationsView> {
    return this.#notifications.get(principal);
  }

  @Put()
  @Allowed('admin')
  @ApiIfMatch()
  @Tagged()
  @ApiOkResponse({ type: AlarmNotificationsWithSecret, headers: ETAG })
  updateNotifications(
    @CurrentPrincipal() principal: Principal,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateAlarmNotifications,
  ): Promise<AlarmNotificationsWithSecret> {
    return this.#notifications.update(principal, ifMatch, body);
  }

  @Post('test')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a test alarm' })
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: AlarmNotificationsView, headers: ETAG })
  testNotifications(@CurrentPrincipal() principal: Principal): Promise<AlarmNotificationsView> {
    return this.#notifications.test(principal);
  }
}
