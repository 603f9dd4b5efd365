import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery } from '../../platform/rest/page.js';
import { bodyOf } from '../../platform/rest/body-validation.js';
import {
  ChangeIdentity,
  CreateIdentity,
  IdentityPage,
  IdentityView,
  type IdentityChange,
  type NewIdentity,
} from './identities.dto.js';
import { IdentitiesService } from './identities.service.js';
import { pathId } from '../../platform/rest/path-id.js';

const IDENTITY_ID = pathId('idn', 'identity');
const NEW = bodyOf(CreateIdentity);
const CHANGE = bodyOf(ChangeIdentity);

@ApiTags('identities')
@Controller('v1/identities')
export class IdentitiesController {
  readonly #identities: IdentitiesService;

  constructor(identities: IdentitiesService) {
    this.#identities = identities;
  }

  @Post()
  @Allowed('admin')
  @ApiBody({ type: CreateIdentity })
  @ApiCreatedResponse({ type: IdentityView })
  createIdentity(@CurrentPrincipal() principal: Principal, @Body(NEW) body: NewIdentity): Promise<IdentityView> {
    return this.#identities.create(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: IdentityPage })
  listIdentities(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<IdentityPage> {
    return this.#identities.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @ApiOkResponse({ type: IdentityView })
  getIdentity(@CurrentPrincipal() principal: Principal, @Param('id', IDENTITY_ID) id: string): Promise<IdentityView> {
    return this.#identities.get(principal, id);
  }

  @Patch(':id')
  @Allowed('admin')
  @ApiBody({ type: ChangeIdentity })
  @ApiOkResponse({ type: IdentityView })
  changeIdentity(
    @CurrentPrincipal() principal: Principal,
    @Param('id', IDENTITY_ID) id: string,
    @Body(CHANGE) body: IdentityChange,
  ): Promise<IdentityView> {
    return this.#identities.change(principal, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Deleted; its grants are revoked' })
  deleteIdentity(@CurrentPrincipal() principal: Principal, @Param('id', IDENTITY_ID) id: string): Promise<void> {
    return this.#identities.delete(principal, id);
  }
}
