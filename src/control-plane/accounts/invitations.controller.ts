import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal, type WithPrincipal } from '../../platform/rest/allowed.js';
import { AcceptInvitation, CreateInvitation, InvitationWithToken } from './invitations.dto.js';
import { InvitationsService } from './invitations.service.js';
import { SignedInView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

@ApiTags('accounts')
@Controller('v1/invitations')
export class InvitationsController {
  readonly #invitations: InvitationsService;
  readonly #signIn: SignInService;

  constructor(invitations: InvitationsService, signIn: SignInService) {
    this.#invitations = invitations;
    this.#signIn = signIn;
  }

  @Post()
  @Allowed('admin')
  @ApiCreatedResponse({ type: InvitationWithToken })
  createInvitation(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateInvitation,
  ): Promise<InvitationWithToken> {
    return this.#invitations.create(principal, body);
  }

  @Post('accept')
  @Allowed('anyone')
  @ApiCreatedResponse({ type: SignedInView })
  async acceptInvitation(
    @Body() body: AcceptInvitation,
    @Req() { repeat, ip = '' }: WithPrincipal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    return this.#signIn.setCookie(response, await this.#invitations.accept({ ...body, address: ip }, repeat));
  }
}
