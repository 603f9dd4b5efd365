import { Module } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Config } from '../../platform/settings/config.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { CONFIG, FORWARD, OUTBOUND, PUBLIC_URL } from '../../platform/runtime/parts.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Forward } from '../../mcp/upstream/forward.js';
import { REVOKE_GRANTS, type RevokeGrants } from './revoke-grants.js';
import { ServersController } from './servers.controller.js';
import { Servers, type ServersParts } from './servers.service.js';

export { REVOKE_GRANTS, type RevokeGrants } from './revoke-grants.js';

type Injected = readonly [EventStore, CreateOnce, Vault, Outbound, Forward, Config, RevokeGrants, () => string];

const makeServers = (
  ...[store, once, vault, outbound, forward, config, revokeGrants, publicUrl]: Injected
): Servers => {
  const parts: ServersParts = {
    store,
    once,
    vault,
    ways: { outbound, forward, allowStdio: config.allowStdio, stdioVariables: config.stdioVariables },
    revokeGrants,
    publicUrl,
  };
  return new Servers(parts);
};

@Module({
  controllers: [ServersController],
  providers: [
    {
      provide: Servers,
      inject: [EventStore, CreateOnce, Vault, OUTBOUND, FORWARD, CONFIG, REVOKE_GRANTS, PUBLIC_URL],
      useFactory: makeServers,
    },
  ],
})
export class ServersModule {}
