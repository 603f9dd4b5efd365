import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import {
  UpdateGrant,
  GrantPage,
  GrantQuery,
  GrantView,
  GrantWithToken,
  CreateGrant,
  RotateGrant,
} from './grants.dto.js';
import { GrantsService } from './grants.service.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { pathId } from '../../platform/rest/path-id.js';

const GRANT_ID = pathId('grt', 'grant');

@ApiTags('grants')
@Controller('v1/grants')
export class GrantsController {
  readonly #grants: GrantsService;

  constructor(grants: GrantsService) {
    this.#grants = grants;
  }

  @Post()
  @Allowed('admin')
  @Tagged()
  @ApiCreatedResponse({ type: GrantWithToken, headers: ETAG })
  createGrant(@CurrentPrincipal() principal: Principal, @Body() body: CreateGrant): Promise<GrantWithToken> {
    return this.#grants.create(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: GrantPage })
  listGrants(@CurrentPrincipal() principal: Principal, @Query() query: GrantQuery): Promise<GrantPage> {
    return this.#grants.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @Tagged()
  @ApiOkResponse({ type: GrantView, headers: ETAG })
  getGrant(@CurrentPrincipal() principal: Principal, @Param('id', GRANT_ID) id: string): Promise<GrantView> {
    return this.#grants.get(principal, id);
  }

  @Patch(':id')
  @ApiIfMatch()
  @Allowed('policy_manager')
  @Tagged()
  @ApiOkResponse({ type: GrantView, headers: ETAG })
  updateGrant(
    @CurrentPrincipal() principal: Principal,
    @Param('id', GRANT_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateGrant,
  ): Promise<GrantView> {
    return this.#grants.update(principal, id, ifMatch, body);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @Allowed('admin')
  @ApiBody({ type: RotateGrant, required: false })
  @Tagged()
  @ApiOkResponse({ type: GrantWithToken, headers: ETAG })
  rotateGrant(
    @CurrentPrincipal() principal: Principal,
    @Param('id', GRANT_ID) id: string,
    @Body() body?: RotateGrant,
  ): Promise<GrantWithToken> {
    return this.#grants.rotate(principal, id, body?.graceSeconds ?? 0);
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: GrantView, headers: ETAG })
  revokeGrant(@CurrentPrincipal() principal: Principal, @Param('id', GRANT_ID) id: string): Promise<GrantView> {
    return this.#grants.revoke(principal, id);
  }
}
