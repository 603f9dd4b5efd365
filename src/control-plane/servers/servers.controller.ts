import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery, type Page } from '../../platform/rest/page.js';
import { bodyOf } from '../../platform/rest/body-validation.js';
import type { SentServer } from './server-input.js';
import type { ServerView } from './server-views.js';
import { ServerAnswer, ServerBody, ServerPage, ServerPatchBody } from './servers.dto.js';
import { Servers } from './servers.service.js';

@ApiTags('servers')
@Controller('v1/servers')
export class ServersController {
  constructor(private readonly servers: Servers) {}

  @Post()
  @Allowed('admin')
  @ApiBody({ type: ServerBody })
  @ApiCreatedResponse({ type: ServerAnswer })
  createServer(
    @CurrentPrincipal() principal: Principal,
    @Body(bodyOf(ServerBody)) body: SentServer,
  ): Promise<ServerView> {
    return this.servers.register(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ServerPage })
  listServers(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<Page<ServerView>> {
    return this.servers.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @ApiOkResponse({ type: ServerAnswer })
  getServer(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ServerView> {
    return this.servers.get(principal, id);
  }

  @Patch(':id')
  @Allowed('admin')
  @ApiBody({ type: ServerPatchBody })
  @ApiOkResponse({ type: ServerAnswer })
  changeServer(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body(bodyOf(ServerPatchBody)) body: SentServer,
  ): Promise<ServerView> {
    return this.servers.change(principal, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse()
  deleteServer(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.servers.delete(principal, id);
  }

  @Post(':id/discover')
  @HttpCode(200)
  @Allowed('admin')
  @ApiOkResponse({ type: ServerAnswer })
  discoverServer(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ServerView> {
    return this.servers.discover(principal, id);
  }
}
