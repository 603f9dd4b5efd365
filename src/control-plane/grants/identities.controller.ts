import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { UpdateIdentity, CreateIdentity, IdentityPage, IdentityQuery, IdentityView } from './identities.dto.js';
import { IdentitiesService } from './identities.service.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { pathId } from '../../platform/rest/path-id.js';

const IDENTITY_ID = pathId('idn', 'identity');

@ApiTags('identities')
@Controller('v1/identities')
export class IdentitiesController {
  readonly #identities: IdentitiesService;

  constructor(identities: IdentitiesService) {
    this.#identities = identities;
  }

  @Post()
  @Allowed('admin')
  @Tagged()
  @ApiCreatedResponse({ type: IdentityView, headers: ETAG })
  createIdentity(@CurrentPrincipal() principal: Principal, @Body() body: CreateIdentity): Promise<IdentityView> {
    return this.#identities.create(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: IdentityPage })
  listIdentities(@CurrentPrincipal() principal: Principal, @Query() query: IdentityQuery): Promise<IdentityPage> {
    return this.#identities.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @Tagged()
  @ApiOkResponse({ type: IdentityView, headers: ETAG })
  getIdentity(@CurrentPrincipal() principal: Principal, @Param('id', IDENTITY_ID) id: string): Promise<IdentityView> {
    return this.#identities.get(principal, id);
  }

  @Patch(':id')
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: IdentityView, headers: ETAG })
  updateIdentity(
    @CurrentPrincipal() principal: Principal,
    @Param('id', IDENTITY_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateIdentity,
  ): Promise<IdentityView> {
    return this.#identities.update(principal, id, ifMatch, body);
  }

  @Delete(':id')
  @ApiIfMatch()
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Deleted; its grants are revoked' })
  deleteIdentity(
    @CurrentPrincipal() principal: Principal,
    @Param('id', IDENTITY_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
  ): Promise<void> {
    return this.#identities.delete(principal, id, ifMatch);
  }
}
