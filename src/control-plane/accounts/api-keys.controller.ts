import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { ApiKeyPage, ApiKeyQuery, ApiKeyWithSecret, CreateApiKey } from './api-keys.dto.js';
import { ApiKeysService } from './api-keys.service.js';

const API_KEY_ID = pathId('key', 'API key');

@ApiTags('accounts')
@Controller('v1/api-keys')
export class ApiKeysController {
  readonly #apiKeys: ApiKeysService;

  constructor(apiKeys: ApiKeysService) {
    this.#apiKeys = apiKeys;
  }

  @Post()
  @Allowed('admin')
  @ApiCreatedResponse({ type: ApiKeyWithSecret })
  createApiKey(@CurrentPrincipal() principal: Principal, @Body() body: CreateApiKey): Promise<ApiKeyWithSecret> {
    return this.#apiKeys.create(principal, body);
  }

  @Get()
  @Allowed('admin')
  @ApiOkResponse({ type: ApiKeyPage })
  listApiKeys(@CurrentPrincipal() principal: Principal, @Query() query: ApiKeyQuery): Promise<ApiKeyPage> {
    return this.#apiKeys.list(principal, query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Deleted, with the keys and the open invitations that it made' })
  deleteApiKey(@CurrentPrincipal() principal: Principal, @Param('id', API_KEY_ID) id: string): Promise<void> {
    return this.#apiKeys.delete(principal, id);
  }
}
