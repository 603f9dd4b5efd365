import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal, type WithPrincipal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import {
  AcceptInvitation,
  CreateInvitation,
  InvitationPage,
  InvitationQuery,
  InvitationWithToken,
} from './invitations.dto.js';
import { InvitationsService } from './invitations.service.js';
import { JoiningService } from './joining.service.js';
import { SignedInView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

const INVITATION_ID = pathId('inv', 'invitation');

@ApiTags('accounts')
@Controller('v1/invitations')
export class InvitationsController {
  readonly #invitations: InvitationsService;
  readonly #joining: JoiningService;
  readonly #signIn: SignInService;

  constructor(invitations: InvitationsService, joining: JoiningService, signIn: SignInService) {
    this.#invitations = invitations;
    this.#joining = joining;
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

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: InvitationPage })
  listInvitations(@CurrentPrincipal() principal: Principal, @Query() query: InvitationQuery): Promise<InvitationPage> {
    return this.#invitations.list(principal, query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Withdrawn; its token is of no use any more' })
  deleteInvitation(@CurrentPrincipal() principal: Principal, @Param('id', INVITATION_ID) id: string): Promise<void> {
    return this.#invitations.delete(principal, id);
  }

  @Post('accept')
  @Allowed('anyone')
  @ApiCreatedResponse({ type: SignedInView })
  async acceptInvitation(
    @Body() body: AcceptInvitation,
    @Req() { repeat, ip = '' }: WithPrincipal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    return this.#signIn.setCookie(response, await this.#joining.join({ ...body, address: ip }, repeat));
  }
}
