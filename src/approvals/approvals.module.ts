import { Module } from '@nestjs/common';
import { EventStore } from '../event-log/event-store.js';
import { Vault } from '../platform/vault.js';
import { ApprovalsController } from './approvals.controller.js';
import { Approvals } from './approvals.service.js';

/** Approvals of held calls, for the people who decide them. */
@Module({
  controllers: [ApprovalsController],
  providers: [{ provide: Approvals, inject: [EventStore, Vault], useFactory: (store: EventStore, vault: Vault) => new Approvals(store, vault) }],
})
export class ApprovalsModule {}
