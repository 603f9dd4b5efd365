import { Module } from '@nestjs/common';
import { LimitsController } from './limits.controller.js';

/** What limits have left. Needs EventStore from outside. */
@Module({ controllers: [LimitsController] })
export class LimitsModule {}
