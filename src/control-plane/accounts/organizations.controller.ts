import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { OrganizationView, UpdateOrganization } from './organizations.dto.js';
import { OrganizationsService } from './organizations.service.js';

@ApiTags('accounts')
@Controller('v1/organization')
export class OrganizationsController {
  readonly #organizations: OrganizationsService;

  constructor(organizations: OrganizationsService) {
    this.#organizations = organizations;
  }

  @Get()
  @Allowed('member')
  @Tagged()
  @ApiOkResponse({ type: OrganizationView, headers: ETAG })
  getOrganization(@CurrentPrincipal() principal: Principal): Promise<OrganizationView> {
    return this.#organizations.get(principal);
  }

  @Patch()
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: OrganizationView, headers: ETAG })
  updateOrganization(
    @CurrentPrincipal() principal: Principal,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateOrganization,
  ): Promise<OrganizationView> {
    return this.#organizations.update(principal, ifMatch, body);
  }
}
