import { Module } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import { ToolsController } from './tools.controller.js';
import { Tools } from './tools.service.js';

@Module({
  controllers: [ToolsController],
  providers: [{ provide: Tools, inject: [EventStore], useFactory: (store: EventStore) => new Tools(store) }],
})
export class ToolsModule {}
