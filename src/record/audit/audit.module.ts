import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';

/** Searching and exporting the audit log. Needs Database and EventStore from outside. */
@Module({ controllers: [AuditController], providers: [AuditService] })
export class AuditModule {}
