import { Module } from '@nestjs/common';
import { RecommendedPolicyController, ToolsController } from './tools.controller.js';
import { ToolsService } from './tools.service.js';

@Module({ controllers: [ToolsController, RecommendedPolicyController], providers: [ToolsService] })
export class ToolsModule {}
