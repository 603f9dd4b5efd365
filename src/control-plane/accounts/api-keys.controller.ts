import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery, type Page } from '../../platform/rest/page.js';
import { ApiKeyBody, ApiKeyPage, IssuedApiKeyAnswer } from './accounts.dto.js';
import { ApiKeys, type ApiKey, type IssuedApiKey } from './api-keys.js';

@ApiTags('accounts')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeys) {}

  @Post()
  @Allowed('admin')
  @ApiCreatedResponse({ type: IssuedApiKeyAnswer })
  createApiKey(@CurrentPrincipal() principal: Principal, @Body() body: ApiKeyBody): Promise<IssuedApiKey> {
    return this.apiKeys.issue(principal, body);
  }

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: ApiKeyPage })
  listApiKeys(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<Page<ApiKey>> {
    return this.apiKeys.list(principal, query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse()
  deleteApiKey(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.apiKeys.revoke(principal, id);
  }
}
