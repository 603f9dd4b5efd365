import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal, type WithPrincipal } from '../../platform/rest/allowed.js';
import { Database } from '../../platform/postgres/database.js';
import { Problem } from '../../platform/runtime/problems.js';
import { AcceptanceBody, LoginBody, MeAnswer, SignedInAnswer, SignUpBody } from './accounts.dto.js';
import { Invitations } from './invitations.js';
import { login, logout, me, type Me, type SignedIn } from './sessions.js';
import { SignIn } from './sign-in.js';
import { SignUp } from './sign-up.js';

@ApiTags('accounts')
@Controller('v1')
export class AccountsController {
  constructor(
    private readonly signUps: SignUp,
    private readonly signIn: SignIn,
    private readonly invitations: Invitations,
    private readonly db: Database,
  ) {}

  @Post('signup')
  @Allowed('anyone')
  @ApiCreatedResponse({ type: SignedInAnswer })
  async signup(
    @Body() body: SignUpBody,
    @Req() { repeat, ip = '' }: WithPrincipal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedIn> {
    return this.#withCookie(response, await this.signUps.run({ ...body, address: ip }, repeat));
  }

  @Post('login')
  @HttpCode(200)
  @Allowed('anyone')
  @ApiOkResponse({ type: SignedInAnswer })
  async login(
    @Body() body: LoginBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedIn> {
    const user = await this.signIn.userOf(request, response);
    const session = user && (await login(this.db, user, body.organizationId));
    if (!session) throw new Problem('unauthorized', 'No account here has this e-mail address and this password.');
    return this.#withCookie(response, session);
  }

  @Post('logout')
  @HttpCode(204)
  @Allowed('member')
  @ApiNoContentResponse()
  async logout(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await logout(this.db, principal);
    this.signIn.clearCookie(response);
  }

  @Get('me')
  @Allowed('member')
  @ApiOkResponse({ type: MeAnswer })
  me(@CurrentPrincipal() principal: Principal): Promise<Me> {
    return me(this.db, principal);
  }

  @Post('invitations/accept')
  @Allowed('anyone')
  @ApiCreatedResponse({ type: SignedInAnswer })
  async acceptInvitation(
    @Body() body: AcceptanceBody,
    @Req() { repeat, ip = '' }: WithPrincipal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedIn> {
    return this.#withCookie(response, await this.invitations.accept({ ...body, address: ip }, repeat));
  }

  #withCookie(response: Response, session: SignedIn): SignedIn {
    this.signIn.setCookie(response, session.token);
    return session;
  }
}
