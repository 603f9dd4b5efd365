import { Module } from '@nestjs/common';
import { AdviceController } from './advice.controller.js';
import { AdviceService } from './advice.service.js';

/** Advice on policies, from the record. Needs EventStore from outside. */
@Module({ controllers: [AdviceController], providers: [AdviceService] })
export class AdviceModule {}
