import { Module } from '@nestjs/common';
import { LogKeysController } from './log-keys.controller.js';
import { ProofController } from './proof.controller.js';
import { ProofService } from './proof.service.js';

/** Checkpoints, proofs and bundles of the audit log. Needs Database and EventStore from outside. */
@Module({ controllers: [ProofController, LogKeysController], providers: [ProofService] })
export class ProofModule {}
