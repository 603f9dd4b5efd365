import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { TailsService } from './tails.service.js';

/** Searching, following and exporting the audit log. */
@Module({ controllers: [AuditController], providers: [AuditService, TailsService] })
export class AuditModule {}
