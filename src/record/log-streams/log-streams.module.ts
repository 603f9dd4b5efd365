import { Module } from '@nestjs/common';
import { LogStreamsController } from './log-streams.controller.js';
import { LogStreamsService } from './log-streams.service.js';
import { LogStreamOperationsController } from './operations.controller.js';
import { LogStreamOperationsService } from './operations.service.js';

/** Log streams: what people set up and look at. The role `streams` sends. */
@Module({
  controllers: [LogStreamsController, LogStreamOperationsController],
  providers: [LogStreamsService, LogStreamOperationsService],
})
export class LogStreamsModule {}
