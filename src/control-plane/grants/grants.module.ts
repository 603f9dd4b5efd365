import { Module } from '@nestjs/common';
import { GrantsController } from './grants.controller.js';
import { GrantsService } from './grants.service.js';
import { IdentitiesController } from './identities.controller.js';
import { IdentitiesService } from './identities.service.js';

/** Identities and grants: who may use which server under which policy. */
@Module({ controllers: [IdentitiesController, GrantsController], providers: [IdentitiesService, GrantsService] })
export class GrantsModule {}
