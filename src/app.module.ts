import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AdviceModule } from './advice/advice.module.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { AuditModule } from './audit/audit.module.js';
import { CreateOnce } from './event-log/create-once.js';
import { EventStore } from './event-log/event-store.js';
import { GrantsModule } from './grants/grants.module.js';
import { revokeGrantsOf } from './grants/grants.service.js';
import type { StdioRules } from './channels/stdio-channel.js';
import type { Config } from './platform/config.js';
import { Database } from './platform/database.js';
import type { Outbound } from './platform/outbound.js';
import { CONFIG, FORWARD, OUTBOUND, PUBLIC_URL } from './platform/parts.js';
import { Vault } from './platform/vault.js';
import { LimitsModule } from './limits/limits.module.js';
import { PoliciesModule } from './policies/policies.module.js';
import { REVOKE_GRANTS, ServersModule } from './servers/servers.module.js';
import { ToolsModule } from './tools/tools.module.js';
import type { Forward } from './upstream/forward.js';
import { UsageModule } from './usage/usage.module.js';

/** What the API's rooms are given; everything else they make themselves. */
export type Parts = Readonly<{
  config: Config;
  database: Database;
  store: EventStore;
  vault: Vault;
  outbound: Outbound;
  forward: Forward;
  stdio: StdioRules;
  publicUrl: () => string;
}>;

const providers = (parts: Parts): readonly Provider[] => [
  { provide: CONFIG, useValue: parts.config },
  { provide: OUTBOUND, useValue: parts.outbound },
  { provide: FORWARD, useValue: parts.forward },
  { provide: PUBLIC_URL, useValue: parts.publicUrl },
  { provide: Database, useValue: parts.database },
  { provide: EventStore, useValue: parts.store },
  { provide: Vault, useValue: parts.vault },
  { provide: CreateOnce, useValue: new CreateOnce(parts.store, parts.vault) },
  { provide: REVOKE_GRANTS, useValue: revokeGrantsOf },
];

@Global()
@Module({})
export class PartsModule {
  static with(parts: Parts): DynamicModule {
    const all = [...providers(parts)];
    return { module: PartsModule, providers: all, exports: all };
  }
}

/** The control plane: the one place that knows all of its rooms. */
@Module({})
export class AppModule {
  static with(parts: Parts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PartsModule.with(parts),
        AccountsModule,
        ServersModule,
        ToolsModule,
        PoliciesModule,
        GrantsModule,
        LimitsModule,
        AdviceModule,
        ApprovalsModule,
        AuditModule,
        UsageModule,
      ],
    };
  }
}
