import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { Database } from '../../platform/postgres/database.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { ServersModule } from '../servers/servers.module.js';
import { ConsentService } from './consent.service.js';
import { OauthPages } from './oauth-pages.service.js';
import { serveOauth, type RouteDeps } from './oauth.routes.js';
import { OauthService } from './oauth.service.js';
import { SignInsService } from './sign-ins.service.js';
import { ConnectController } from './upstream/connect.controller.js';
import { ConnectService } from './upstream/connect.service.js';

/** Clients sign in to the gateway's URLs: the authorization server, and the pages on which members let them in. */
@Module({
  imports: [AccountsModule, ServersModule],
  controllers: [ConnectController],
  providers: [OauthPages, SignInsService, OauthService, ConsentService, ConnectService],
  exports: [OauthService],
})
export class OauthModule implements NestModule {
  readonly #deps: RouteDeps;

  constructor(oauth: OauthService, consent: ConsentService, connect: ConnectService, db: Database) {
    this.#deps = { oauth, consent, connect, db };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(serveOauth(this.#deps)).forRoutes('{*path}');
  }
}
