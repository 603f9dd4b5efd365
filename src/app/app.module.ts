import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AdviceModule } from '../control-plane/advice/advice.module.js';
import { AccountsModule } from '../control-plane/accounts/accounts.module.js';
import { ApprovalsModule } from '../control-plane/approvals/approvals.module.js';
import { CatalogModule } from '../control-plane/catalog/catalog.module.js';
import { AuditModule } from '../record/audit/audit.module.js';
import { CreateOnce } from '../record/event-store/create-once.js';
import { EventStore } from '../record/event-store/event-store.js';
import { GrantsModule } from '../control-plane/grants/grants.module.js';
import { revokeGrantsOf } from '../control-plane/grants/grants.service.js';
import { OpenSessions } from '../mcp/transports/open-sessions.js';
import type { StdioRules } from '../mcp/transports/stdio-channel.js';
import type { Config } from '../platform/settings/config.js';
import { Database } from '../platform/postgres/database.js';
import type { Outbound } from '../platform/outbound/outbound.js';
import {
  CONFIG,
  CONSOLE_PATH,
  FORWARD,
  OPEN_SESSIONS,
  OUTBOUND,
  PUBLIC_URL,
  FORGET_ADDRESS,
  TELL_ALARM,
} from '../platform/runtime/parts.js';
import { Vault } from '../platform/crypto/vault.js';
import { tellAlarm } from '../control-plane/notifications/alarms.js';
import { forgetAddress } from '../control-plane/notifications/forget-address.js';
import { NotificationsModule } from '../control-plane/notifications/notifications.module.js';
import { OauthModule } from '../control-plane/oauth/oauth.module.js';
import { PagesModule } from '../control-plane/pages/pages.module.js';
import { LogStreamsModule } from '../record/log-streams/log-streams.module.js';
import { LimitsModule } from '../control-plane/advice/limits.module.js';
import { PoliciesModule } from '../control-plane/policies/policies.module.js';
import { REVOKE_GRANTS } from '../control-plane/servers/revoke-grants.js';
import { ServersModule } from '../control-plane/servers/servers.module.js';
import { ToolsModule } from '../control-plane/servers/tools/tools.module.js';
import { CONSOLE_BASE, isConsoleBuilt } from './serve-console.js';
import type { Forward } from '../mcp/upstream/forward.js';
import { ProofModule } from '../record/proof/proof.module.js';
import { UsageModule } from '../record/usage/usage.module.js';

/** What the API's rooms are given; everything else they make themselves. */
export type Parts = Readonly<{
  config: Config;
  database: Database;
  store: EventStore;
  vault: Vault;
  outbound: Outbound;
  forward: Forward;
  stdio: StdioRules;
  openSessions: OpenSessions;
  publicUrl: () => string;
}>;

const providers = (parts: Parts): readonly Provider[] => [
  { provide: CONFIG, useValue: parts.config },
  { provide: OUTBOUND, useValue: parts.outbound },
  { provide: FORWARD, useValue: parts.forward },
  {
    provide: OPEN_SESSIONS,
    useValue: { findOpenSession: parts.openSessions.find, keepOnlySession: parts.openSessions.keep },
  },
  { provide: PUBLIC_URL, useValue: parts.publicUrl },
  { provide: CONSOLE_PATH, useValue: () => (isConsoleBuilt() ? CONSOLE_BASE : undefined) },
  { provide: Database, useValue: parts.database },
  { provide: EventStore, useValue: parts.store },
  { provide: Vault, useValue: parts.vault },
  { provide: CreateOnce, useValue: new CreateOnce(parts.store, parts.vault) },
  { provide: REVOKE_GRANTS, useValue: revokeGrantsOf },
  { provide: TELL_ALARM, useValue: tellAlarm },
  { provide: FORGET_ADDRESS, useValue: forgetAddress },
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
        NotificationsModule,
        ApprovalsModule,
        CatalogModule,
        PagesModule,
        OauthModule,
        AuditModule,
        LogStreamsModule,
        UsageModule,
        ProofModule,
      ],
    };
  }
}
