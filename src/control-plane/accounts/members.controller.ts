import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { MemberPage, MemberQuery, MemberView, UpdateMember } from './members.dto.js';
import { MembersService } from './members.service.js';

const MEMBER_ID = pathId('usr', 'member');

@ApiTags('accounts')
@Controller('v1/members')
export class MembersController {
  readonly #members: MembersService;

  constructor(members: MembersService) {
    this.#members = members;
  }

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: MemberPage })
  listMembers(@CurrentPrincipal() principal: Principal, @Query() query: MemberQuery): Promise<MemberPage> {
    return this.#members.list(principal, query);
  }

  @Get(':id')
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: MemberView, headers: ETAG })
  getMember(@CurrentPrincipal() principal: Principal, @Param('id', MEMBER_ID) id: string): Promise<MemberView> {
    return this.#members.get(principal, id);
  }

  @Patch(':id')
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: MemberView, headers: ETAG })
  updateMember(
    @CurrentPrincipal() principal: Principal,
    @Param('id', MEMBER_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateMember,
  ): Promise<MemberView> {
    return this.#members.update(principal, id, ifMatch, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Removed; their sessions, API keys and open invitations end' })
  deleteMember(@CurrentPrincipal() principal: Principal, @Param('id', MEMBER_ID) id: string): Promise<void> {
    return this.#members.delete(principal, id);
  }
}
