import { Module } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import { CaseTestsController } from './cases/case-tests.controller.js';
import { CaseTests } from './cases/case-tests.service.js';
import { PoliciesController } from './policies.controller.js';
import { PolicySchemaController } from './policy-schema.controller.js';
import { Policies } from './policies.service.js';
import { SimulationsController } from './simulation/simulations.controller.js';
import { Simulations } from './simulation/simulations.service.js';

@Module({
  controllers: [PoliciesController, PolicySchemaController, SimulationsController, CaseTestsController],
  providers: [
    Simulations,
    CaseTests,
    {
      provide: Policies,
      inject: [EventStore, CreateOnce],
      useFactory: (store: EventStore, once: CreateOnce) => new Policies(store, once),
    },
  ],
})
export class PoliciesModule {}
