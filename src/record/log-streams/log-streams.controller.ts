import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import {
  CreateLogStream,
  LogStreamPage,
  LogStreamQuery,
  LogStreamView,
  LogStreamWithSecret,
  UpdateLogStream,
} from './log-streams.dto.js';
import { LogStreamsService } from './log-streams.service.js';
import { RotateSecret } from './operations.dto.js';

export const STREAM_ID = pathId('lst', 'log stream');

@ApiTags('log streams')
@Controller('v1/log-streams')
export class LogStreamsController {
  readonly #streams: LogStreamsService;

  constructor(streams: LogStreamsService) {
    this.#streams = streams;
  }

  @Post()
  @Allowed('admin')
  @Tagged()
  @ApiOperation({ summary: 'Send the audit log on to a receiver, from now on or from an earlier record' })
  @ApiCreatedResponse({ type: LogStreamWithSecret, headers: ETAG })
  createLogStream(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateLogStream,
  ): Promise<LogStreamWithSecret> {
    return this.#streams.create(principal, body);
  }

  @Get()
  @Allowed('auditor')
  @ApiOkResponse({ type: LogStreamPage })
  listLogStreams(@CurrentPrincipal() principal: Principal, @Query() query: LogStreamQuery): Promise<LogStreamPage> {
    return this.#streams.list(principal, query);
  }

  @Get(':id')
  @Allowed('auditor')
  @Tagged()
  @ApiOkResponse({ type: LogStreamView, headers: ETAG })
  getLogStream(@CurrentPrincipal() principal: Principal, @Param('id', STREAM_ID) id: string): Promise<LogStreamView> {
    return this.#streams.get(principal, id);
  }

  @Patch(':id')
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: LogStreamView, headers: ETAG })
  updateLogStream(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateLogStream,
  ): Promise<LogStreamView> {
    return this.#streams.update(principal, id, ifMatch, body);
  }

  @Delete(':id')
  @ApiIfMatch()
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Deleted; what it did not send is not sent' })
  deleteLogStream(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
  ): Promise<void> {
    return this.#streams.delete(principal, id, ifMatch);
  }

  @Post(':id/pause')
  @HttpCode(200)
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: LogStreamView, headers: ETAG })
  pauseLogStream(@CurrentPrincipal() principal: Principal, @Param('id', STREAM_ID) id: string): Promise<LogStreamView> {
    return this.#streams.pause(principal, id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Allowed('admin')
  @Tagged()
  @ApiOperation({ summary: 'Go on sending; also tries again at once after failures' })
  @ApiOkResponse({ type: LogStreamView, headers: ETAG })
  resumeLogStream(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
  ): Promise<LogStreamView> {
    return this.#streams.resume(principal, id);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: LogStreamWithSecret, headers: ETAG })
  rotateLogStreamSecret(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Body() { graceSeconds = 0 }: RotateSecret,
  ): Promise<LogStreamWithSecret> {
    return this.#streams.rotateSecret(principal, id, graceSeconds);
  }
}
