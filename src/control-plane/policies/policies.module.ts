import { Module } from '@nestjs/common';
import { CaseTestsController } from './cases/case-tests.controller.js';
import { CaseTestsService } from './cases/case-tests.service.js';
import { PoliciesController } from './policies.controller.js';
import { PolicySchemaController } from './policy-schema.controller.js';
import { PoliciesService } from './policies.service.js';
import { SimulationsController } from './simulation/simulations.controller.js';
import { SimulationsService } from './simulation/simulations.service.js';

/** Policies of servers, what they would decide, and their tests by cases and by the record. */
@Module({
  controllers: [PoliciesController, PolicySchemaController, SimulationsController, CaseTestsController],
  providers: [PoliciesService, SimulationsService, CaseTestsService],
})
export class PoliciesModule {}
