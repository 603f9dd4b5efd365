import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { EventStore } from '../../record/event-store/event-store.js';
import { Membership, type MemberView } from './membership.js';
import { changeOrganization, readOrganization, type OrganizationView } from './organizations.js';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery, type Page } from '../../platform/rest/page.js';
import {
  InvitationAnswer,
  InvitationBody,
  MemberAnswer,
  MemberPage,
  OrganizationAnswer,
  OrganizationChange,
  RoleBody,
} from './accounts.dto.js';
import { Invitations, type Invitation } from './invitations.js';

/** The organization and its people. */
@ApiTags('accounts')
@Controller('v1')
export class MembersController {
  constructor(
    private readonly membership: Membership,
    private readonly invitations: Invitations,
    private readonly store: EventStore,
  ) {}

  @Get('organization')
  @Allowed('member')
  @ApiOkResponse({ type: OrganizationAnswer })
  getOrganization(@CurrentPrincipal() principal: Principal): Promise<OrganizationView> {
    return readOrganization(this.store, principal);
  }

  @Patch('organization')
  @Allowed('admin')
  @ApiOkResponse({ type: OrganizationAnswer })
  changeOrganization(
    @CurrentPrincipal() principal: Principal,
    @Body() body: OrganizationChange,
  ): Promise<OrganizationView> {
    return changeOrganization(this.store, principal, body.disabled);
  }

  @Get('members')
  @Allowed('admin')
  @ApiOkResponse({ type: MemberPage })
  listMembers(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<Page<MemberView>> {
    return this.membership.list(principal, query);
  }

  @Patch('members/:id')
  @Allowed('admin')
  @ApiOkResponse({ type: MemberAnswer })
  changeMember(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: RoleBody,
  ): Promise<MemberView> {
    return this.membership.changeRole(principal, id, body.role);
  }

  @Delete('members/:id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse()
  removeMember(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.membership.remove(principal, id);
  }

  @Post('invitations')
  @Allowed('admin')
  @ApiCreatedResponse({ type: InvitationAnswer })
  invite(@CurrentPrincipal() principal: Principal, @Body() body: InvitationBody): Promise<Invitation> {
    return this.invitations.invite(principal, body);
  }
}
