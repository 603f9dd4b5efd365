import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery } from '../../platform/rest/page.js';
import { pathId } from '../../platform/rest/path-id.js';
import {
  BackfillPage,
  BackfillView,
  CreateBackfill,
  DeadLetterPage,
  LogStreamHealth,
  LogStreamTest,
  RedriveView,
} from './operations.dto.js';
import { LogStreamOperationsService } from './operations.service.js';

const STREAM_ID = pathId('lst', 'log stream');
const BACKFILL_ID = pathId('bkf', 'backfill');

@ApiTags('log streams')
@Controller('v1/log-streams/:id')
export class LogStreamOperationsController {
  readonly #operations: LogStreamOperationsService;

  constructor(operations: LogStreamOperationsService) {
    this.#operations = operations;
  }

  @Get('health')
  @Allowed('auditor')
  @ApiOkResponse({ type: LogStreamHealth })
  getLogStreamHealth(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
  ): Promise<LogStreamHealth> {
    return this.#operations.health(principal, id);
  }

  @Post('test')
  @HttpCode(200)
  @Allowed('admin')
  @ApiOperation({ summary: 'Send one marked test event and show what the receiver answers; moves no cursor' })
  @ApiOkResponse({ type: LogStreamTest })
  testLogStream(@CurrentPrincipal() principal: Principal, @Param('id', STREAM_ID) id: string): Promise<LogStreamTest> {
    return this.#operations.test(principal, id);
  }

  @Post('backfills')
  @Allowed('admin')
  @ApiOperation({ summary: 'Send earlier records again, beside the live flow' })
  @ApiCreatedResponse({ type: BackfillView })
  createBackfill(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Body() body: CreateBackfill,
  ): Promise<BackfillView> {
    return this.#operations.createBackfill(principal, id, body);
  }

  @Get('backfills')
  @Allowed('auditor')
  @ApiOkResponse({ type: BackfillPage })
  listBackfills(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Query() query: PageQuery,
  ): Promise<BackfillPage> {
    return this.#operations.listBackfills(principal, id, query);
  }

  @Get('backfills/:backfillId')
  @Allowed('auditor')
  @ApiOkResponse({ type: BackfillView })
  getBackfill(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Param('backfillId', BACKFILL_ID) backfillId: string,
  ): Promise<BackfillView> {
    return this.#operations.getBackfill(principal, id, backfillId);
  }

  @Delete('backfills/:backfillId')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Cancelled; what it did not send is not sent' })
  cancelBackfill(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Param('backfillId', BACKFILL_ID) backfillId: string,
  ): Promise<void> {
    return this.#operations.cancelBackfill(principal, id, backfillId);
  }

  @Get('dead-letters')
  @Allowed('auditor')
  @ApiOperation({ summary: 'Records that the receiver refused, with its answers' })
  @ApiOkResponse({ type: DeadLetterPage })
  listDeadLetters(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
    @Query() query: PageQuery,
  ): Promise<DeadLetterPage> {
    return this.#operations.deadLetters(principal, id, query);
  }

  @Post('dead-letters/redrive')
  @HttpCode(200)
  @Allowed('admin')
  @ApiOperation({ summary: 'Send all dead letters again, one by one' })
  @ApiOkResponse({ type: RedriveView })
  redriveDeadLetters(
    @CurrentPrincipal() principal: Principal,
    @Param('id', STREAM_ID) id: string,
  ): Promise<RedriveView> {
    return this.#operations.redrive(principal, id);
  }
}
