import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal, type WithPrincipal } from '../../platform/rest/allowed.js';
import { Problem } from '../../platform/runtime/problems.js';
import { SessionsService } from './sessions.service.js';
import { LogIn, MeView, SignedInView, SignUp } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';
import { SignUpService } from './sign-up.service.js';

@ApiTags('accounts')
@Controller('v1')
export class SignInController {
  readonly #signUps: SignUpService;
  readonly #signIn: SignInService;
  readonly #sessions: SessionsService;

  constructor(signUps: SignUpService, signIn: SignInService, sessions: SessionsService) {
    this.#signUps = signUps;
    this.#signIn = signIn;
    this.#sessions = sessions;
  }

  @Post('signup')
  @ApiOperation({ summary: 'Make an account and its organization' })
  @Allowed('anyone')
  @ApiCreatedResponse({ type: SignedInView })
  async signup(
    @Body() body: SignUp,
    @Req() { repeat, ip = '' }: WithPrincipal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    return this.#signIn.setCookie(response, await this.#signUps.signUp({ ...body, address: ip }, repeat));
  }

  @Post('login')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sign in with e-mail and password' })
  @Allowed('anyone')
  @ApiOkResponse({ type: SignedInView })
  async login(
    @Body() body: LogIn,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    const verified = await this.#signIn.findUser(request, response);
    const signedIn = verified && (await this.#sessions.open(verified, body.organizationId, request.ip ?? ''));
    if (!signedIn) throw new Problem('unauthorized', 'No account here has this e-mail address and this password.');
    return this.#signIn.setCookie(response, signedIn);
  }

  @Post('logout')
  @HttpCode(204)
  @ApiOperation({ summary: 'End the session of this request' })
  @Allowed('member')
  @ApiNoContentResponse()
  async logout(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.#sessions.end(principal);
    this.#signIn.clearCookie(response);
  }

  @Get('me')
  @ApiOperation({ summary: 'Show who sends the request' })
  @Allowed('member')
  @ApiOkResponse({ type: MeView })
  me(@CurrentPrincipal() principal: Principal): Promise<MeView> {
    return this.#sessions.describe(principal);
  }
}
