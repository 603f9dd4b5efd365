import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import { Membership } from './membership.js';
import type { Config } from '../../platform/settings/config.js';
import { Database } from '../../platform/postgres/database.js';
import { CONFIG, PUBLIC_URL } from '../../platform/runtime/parts.js';
import { Vault } from '../../platform/crypto/vault.js';
import { AccountsController } from './accounts.controller.js';
import { AnonymousOnce } from './anonymous-once.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeys, endKeysBeyond } from './api-keys.js';
import { CredentialGuard } from './credential.guard.js';
import { Invitations } from './invitations.js';
import { LoginLimits } from './login-limits.js';
import { MembersController } from './members.controller.js';
import { SignIn } from './sign-in.js';
import { SignUp } from './sign-up.js';

/** Accounts, and the guard of every route of the API. */
@Module({
  controllers: [AccountsController, ApiKeysController, MembersController],
  providers: [
    { provide: APP_GUARD, useClass: CredentialGuard },
    { provide: LoginLimits, useFactory: () => new LoginLimits() },
    {
      provide: SignIn,
      inject: [Database, LoginLimits, PUBLIC_URL],
      useFactory: (db: Database, limits: LoginLimits, publicUrl: () => string) => new SignIn(db, limits, publicUrl),
    },
    {
      provide: AnonymousOnce,
      inject: [Database, EventStore, Vault, LoginLimits],
      useFactory: (db: Database, store: EventStore, vault: Vault, limits: LoginLimits) =>
        new AnonymousOnce(db, store, { vault, limits }),
    },
    {
      provide: SignUp,
      inject: [Database, AnonymousOnce, Vault, CONFIG],
      useFactory: (db: Database, once: AnonymousOnce, vault: Vault, config: Config) =>
        new SignUp(db, once, { vault, mode: config.signup }),
    },
    {
      provide: ApiKeys,
      inject: [EventStore, CreateOnce],
      useFactory: (store: EventStore, once: CreateOnce) => new ApiKeys(store, once),
    },
    {
      provide: Membership,
      inject: [EventStore],
      useFactory: (store: EventStore) => new Membership(store, endKeysBeyond),
    },
    {
      provide: Invitations,
      inject: [Database, CreateOnce, AnonymousOnce, SignIn],
      useFactory: (db: Database, known: CreateOnce, anonymous: AnonymousOnce, signIn: SignIn) =>
        new Invitations(db, { known, anonymous }, signIn),
    },
  ],
})
export class AccountsModule {}
