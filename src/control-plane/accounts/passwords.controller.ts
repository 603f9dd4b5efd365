import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import {
  ChangePassword,
  ConfirmPasswordReset,
  PasswordResetRequestView,
  PasswordResetView,
  RequestPasswordReset,
} from './passwords.dto.js';
import { PasswordsService } from './passwords.service.js';
import { SignedInView, UserView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

const MEMBER_ID = pathId('usr', 'member');

@ApiTags('accounts')
@Controller('v1')
export class PasswordsController {
  readonly #passwords: PasswordsService;
  readonly #signIn: SignInService;

  constructor(passwords: PasswordsService, signIn: SignInService) {
    this.#passwords = passwords;
    this.#signIn = signIn;
  }

  @Post('me/password')
  @HttpCode(200)
  @ApiOperation({ summary: 'Change your password' })
  @Allowed('member')
  @ApiOkResponse({ type: SignedInView, description: 'All sessions of the person ended; this is a new one' })
  async changePassword(
    @CurrentPrincipal() principal: Principal,
    @Body() body: ChangePassword,
    @Req() { ip = '' }: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    return this.#signIn.setCookie(response, await this.#passwords.change(principal, body, ip));
  }

  @Post('password-reset')
  @HttpCode(202)
  @Allowed('anyone')
  @ApiAcceptedResponse({ type: PasswordResetRequestView, description: 'A link is mailed where there is an account' })
  requestPasswordReset(@Body() { email }: RequestPasswordReset, @Req() { ip = '' }: Request): PasswordResetRequestView {
    this.#passwords.requestReset(email, ip);
    return { status: 'accepted' };
  }

  @Post('password-reset/confirm')
  @HttpCode(200)
  @Allowed('anyone')
  @ApiOkResponse({ type: UserView, description: 'The password is set; all sessions of the person ended' })
  confirmPasswordReset(@Body() body: ConfirmPasswordReset, @Req() { ip = '' }: Request): Promise<UserView> {
    return this.#passwords.confirmReset(body, ip);
  }

  @Post('members/:id/password-reset')
  @HttpCode(200)
  @ApiOperation({ summary: 'Make a link with which a member sets a new password' })
  @Allowed('admin')
  @ApiOkResponse({ type: PasswordResetView, description: 'A link for the member, where no mail is set' })
  issuePasswordReset(
    @CurrentPrincipal() principal: Principal,
    @Param('id', MEMBER_ID) id: string,
  ): Promise<PasswordResetView> {
    return this.#passwords.issueReset(principal, id);
  }
}
