import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery } from '../../platform/rest/page.js';
import { pathId } from '../../platform/rest/path-id.js';
import { etagOf } from './if-match.js';
import {
  DecidePolicy,
  DecisionView,
  PolicyView,
  PolicyPage,
  CreatePolicy,
  PolicyVersionPage,
  UpdatePolicy,
  ValidatePolicy,
  ValidationView,
} from './policies.dto.js';
import { PoliciesService } from './policies.service.js';

const POLICY_ID = pathId('pol', 'policy');
const SERVER_ID = pathId('srv', 'server');
const ETAG = { ETag: { description: 'The version, to be sent back as If-Match', schema: { type: 'string' as const } } };

const tagged = (policy: PolicyView, response: Response): PolicyView => {
  response.setHeader('ETag', etagOf(policy.version));
  return policy;
};

@ApiTags('policies')
@Controller('v1')
export class PoliciesController {
  readonly #policies: PoliciesService;

  constructor(policies: PoliciesService) {
    this.#policies = policies;
  }

  @Post('servers/:id/policies')
  @Allowed('policy_manager')
  @ApiCreatedResponse({ type: PolicyView, headers: ETAG })
  async createPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) serverId: string,
    @Body() body: CreatePolicy,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.#policies.create(principal, serverId, body), response);
  }

  @Get('servers/:id/policies')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyPage })
  listPolicies(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) serverId: string,
    @Query() query: PageQuery,
  ): Promise<PolicyPage> {
    return this.#policies.list(principal, serverId, query);
  }

  @Post('policies/validate')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOkResponse({ type: ValidationView })
  validatePolicy(@CurrentPrincipal() principal: Principal, @Body() body: ValidatePolicy): Promise<ValidationView> {
    return this.#policies.validate(principal, body.document, body.serverId);
  }

  @Get('policies/:id')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyView, headers: ETAG })
  async getPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.#policies.get(principal, id), response);
  }

  @Put('policies/:id')
  @Allowed('policy_manager')
  @ApiHeader({ name: 'If-Match', required: true, description: 'The version that your change is based on, or *' })
  @ApiOkResponse({ type: PolicyView, headers: ETAG })
  async updatePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Body() body: UpdatePolicy,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.#policies.update(principal, id, response.req.headers['if-match'], body), response);
  }

  @Delete('policies/:id')
  @HttpCode(204)
  @Allowed('policy_manager')
  @ApiHeader({ name: 'If-Match', required: false })
  @ApiNoContentResponse()
  deletePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Headers('if-match') ifMatch: string | undefined,
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

  @Post('policies/:id/decide')
  @HttpCode(200)
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
