import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { PageQuery } from '../../platform/rest/page.js';
import { pathId } from '../../platform/rest/path-id.js';
import {
  DecidePolicy,
  DecisionView,
  PolicyView,
  PolicyPage,
  CreatePolicy,
  PolicyQuery,
  PolicyVersionPage,
  PolicyVersionView,
  ServerPolicyQuery,
  UpdatePolicy,
  ValidatePolicy,
  ValidationView,
} from './policies.dto.js';
import { PoliciesService } from './policies.service.js';

const POLICY_ID = pathId('pol', 'policy');
const SERVER_ID = pathId('srv', 'server');
@ApiTags('policies')
@Controller('v1')
export class PoliciesController {
  readonly #policies: PoliciesService;

  constructor(policies: PoliciesService) {
    this.#policies = policies;
  }

  @Post('servers/:id/policies')
  @Allowed('policy_manager')
  @Tagged()
  @ApiCreatedResponse({ type: PolicyView, headers: ETAG })
  createPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) serverId: string,
    @Body() body: CreatePolicy,
  ): Promise<PolicyView> {
    return this.#policies.create(principal, serverId, body);
  }

  @Get('servers/:id/policies')
  @Allowed('member')
  @ApiOperation({ summary: 'List the policies of a server' })
  @ApiOkResponse({ type: PolicyPage })
  listServerPolicies(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) serverId: string,
    @Query() query: ServerPolicyQuery,
  ): Promise<PolicyPage> {
    return this.#policies.listOfServer(principal, serverId, query);
  }

  @Get('policies')
  @Allowed('member')
  @ApiOperation({ summary: 'List the policies of all servers' })
  @ApiOkResponse({ type: PolicyPage })
  listPolicies(@CurrentPrincipal() principal: Principal, @Query() query: PolicyQuery): Promise<PolicyPage> {
    return this.#policies.list(principal, query);
  }

  @Post('policies/validate')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOkResponse({ type: ValidationView })
  validatePolicy(@CurrentPrincipal() principal: Principal, @Body() body: ValidatePolicy): Promise<ValidationView> {
    return this.#policies.validate(principal, body);
  }

  @Get('policies/:id')
  @Allowed('member')
  @Tagged()
  @ApiOkResponse({ type: PolicyView, headers: ETAG })
  getPolicy(@CurrentPrincipal() principal: Principal, @Param('id', POLICY_ID) id: string): Promise<PolicyView> {
    return this.#policies.get(principal, id);
  }

  @Put('policies/:id')
  @Allowed('policy_manager')
  @ApiIfMatch({ required: true })
  @Tagged()
  @ApiOkResponse({ type: PolicyView, headers: ETAG })
  updatePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdatePolicy,
  ): Promise<PolicyView> {
    return this.#policies.update(principal, id, ifMatch, body);
  }

  @Delete('policies/:id')
  @HttpCode(204)
  @Allowed('policy_manager')
  @ApiIfMatch()
  @ApiNoContentResponse()
  deletePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
  ): Promise<void> {
    return this.#policies.delete(principal, id, ifMatch);
  }

  @Get('policies/:id/versions')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyVersionPage })
  listPolicyVersions(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Query() query: PageQuery,
  ): Promise<PolicyVersionPage> {
    return this.#policies.versions(principal, id, query);
  }

  @Get('policies/:id/versions/:version')
  @Allowed('member')
  @ApiOperation({ summary: 'Get one version of a policy' })
  @ApiOkResponse({ type: PolicyVersionView })
  getPolicyVersion(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Param('version') version: string,
  ): Promise<PolicyVersionView> {
    return this.#policies.getVersion(principal, id, version);
  }

  @Post('policies/:id/decide')
  @HttpCode(200)
  @ApiOperation({ summary: 'Try a policy on one call' })
  @Allowed('policy_manager')
  @ApiOkResponse({ type: DecisionView })
  decidePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Body() body: DecidePolicy,
  ): Promise<DecisionView> {
    return this.#policies.decide(principal, id, body);
  }
}
