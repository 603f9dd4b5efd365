import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery, type Page } from '../../platform/rest/page.js';
import { bodyOf } from '../../platform/rest/body-validation.js';
import { etagOf } from './if-match.js';
import {
  DecideSent,
  DecisionAnswer,
  PolicyAnswer,
  PolicyPage,
  PolicySent,
  PolicyVersionPage,
  PolicyVersionSent,
  ValidateSent,
  ValidationAnswer,
} from './policies.dto.js';
import {
  Policies,
  type PolicyView,
  type SentCall,
  type SentPolicy,
  type SentVersion,
  type Validation,
} from './policies.service.js';
import type { PolicyVersion } from './policies.store.js';
import type { Tried } from './try-policy.js';

const ETAG = { ETag: { description: 'The version, to be sent back as If-Match', schema: { type: 'string' as const } } };

const tagged = (policy: PolicyView, response: Response): PolicyView => {
  response.setHeader('ETag', etagOf(policy.version));
  return policy;
};

@ApiTags('policies')
@Controller('v1')
export class PoliciesController {
  constructor(private readonly policies: Policies) {}

  @Post('servers/:id/policies')
  @Allowed('policy_manager')
  @ApiBody({ type: PolicySent })
  @ApiCreatedResponse({ type: PolicyAnswer, headers: ETAG })
  async createPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id') serverId: string,
    @Body(bodyOf(PolicySent)) body: SentPolicy,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.policies.create(principal, serverId, body), response);
  }

  @Get('servers/:id/policies')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyPage })
  listPolicies(
    @CurrentPrincipal() principal: Principal,
    @Param('id') serverId: string,
    @Query() query: PageQuery,
  ): Promise<Page<PolicyView>> {
    return this.policies.list(principal, serverId, query);
  }

  @Post('policies/validate')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiBody({ type: ValidateSent })
  @ApiOkResponse({ type: ValidationAnswer })
  validatePolicy(
    @CurrentPrincipal() principal: Principal,
    @Body(bodyOf(ValidateSent)) body: Readonly<{ document: unknown; serverId?: string }>,
  ): Promise<Validation> {
    return this.policies.validate(principal, body.document, body.serverId);
  }

  @Get('policies/:id')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyAnswer, headers: ETAG })
  async getPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.policies.get(principal, id), response);
  }

  @Put('policies/:id')
  @Allowed('policy_manager')
  @ApiBody({ type: PolicyVersionSent })
  @ApiHeader({ name: 'If-Match', required: true, description: 'The version that your change is based on, or *' })
  @ApiOkResponse({ type: PolicyAnswer, headers: ETAG })
  async publishPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body(bodyOf(PolicyVersionSent)) body: SentVersion,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyView> {
    return tagged(await this.policies.publish(principal, id, response.req.headers['if-match'], body), response);
  }

  @Delete('policies/:id')
  @HttpCode(204)
  @Allowed('policy_manager')
  @ApiHeader({ name: 'If-Match', required: false })
  @ApiNoContentResponse()
  deletePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.policies.delete(principal, id, ifMatch);
  }

  @Get('policies/:id/versions')
  @Allowed('member')
  @ApiOkResponse({ type: PolicyVersionPage })
  listPolicyVersions(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: PageQuery,
  ): Promise<Page<PolicyVersion>> {
    return this.policies.versions(principal, id, query);
  }

  @Post('policies/:id/decide')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiBody({ type: DecideSent })
  @ApiOkResponse({ type: DecisionAnswer })
  decidePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body(bodyOf(DecideSent)) body: SentCall,
  ): Promise<Tried> {
    return this.policies.decide(principal, id, body);
  }
}
