import { Module } from '@nestjs/common';
import { DiscoveryService } from './discovery.service.js';
import { ServersController } from './servers.controller.js';
import { ServersService } from './servers.service.js';

@Module({ controllers: [ServersController], providers: [ServersService, DiscoveryService], exports: [ServersService] })
export class ServersModule {}
