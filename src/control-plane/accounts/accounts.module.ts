import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AnonymousOnce } from './anonymous-once.service.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysService } from './api-keys.service.js';
import { CredentialGuard } from './credential.guard.js';
import { EndController } from './end/end.controller.js';
import { EndService } from './end/end.service.js';
import { FailedSignInsService } from './failed-sign-ins.service.js';
import { InvitationsController } from './invitations.controller.js';
import { InvitationsService } from './invitations.service.js';
import { JoiningService } from './joining.service.js';
import { LoginLimits } from './login-limits.js';
import { MembersController } from './members.controller.js';
import { MembersService } from './members.service.js';
import { OrganizationsController } from './organizations.controller.js';
import { OrganizationsService } from './organizations.service.js';
import { PasswordsController } from './passwords.controller.js';
import { PasswordsService } from './passwords.service.js';
import { PersonController } from './person.controller.js';
import { PersonService } from './person.service.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsService } from './sessions.service.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';
import { MemberTotpController, TotpController } from './totp.controller.js';
import { TotpService } from './totp.service.js';
import { SignUpService } from './sign-up.service.js';

/** Accounts, and the guard of every route of the API. */
@Module({
  controllers: [
    SignInController,
    OrganizationsController,
    MembersController,
    InvitationsController,
    ApiKeysController,
    SessionsController,
    PersonController,
    PasswordsController,
    TotpController,
    MemberTotpController,
    EndController,
  ],
  providers: [
    { provide: APP_GUARD, useClass: CredentialGuard },
    LoginLimits,
    FailedSignInsService,
    AnonymousOnce,
    SignInService,
    SignUpService,
    SessionsService,
    OrganizationsService,
    MembersService,
    InvitationsService,
    JoiningService,
    ApiKeysService,
    PersonService,
    PasswordsService,
    TotpService,
    EndService,
  ],
  exports: [SignInService, SessionsService],
})
export class AccountsModule {}
