import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
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
  @ApiOkResponse({ type: OrganizationView })
  getOrganization(@CurrentPrincipal() principal: Principal): Promise<OrganizationView> {
    return this.#organizations.get(principal);
  }

  @Patch()
  @Allowed('admin')
  @ApiOkResponse({ type: OrganizationView })
  updateOrganization(
    @CurrentPrincipal() principal: Principal,
    @Body() body: UpdateOrganization,
  ): Promise<OrganizationView> {
    return this.#organizations.update(principal, body);
  }
}
