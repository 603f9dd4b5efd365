import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { PageQuery } from '../../platform/rest/page.js';
import { pathId } from '../../platform/rest/path-id.js';
import { CreateServer, ServerPage, ServerView, UpdateServer } from './servers.dto.js';
import { ServersService } from './servers.service.js';

const SERVER_ID = pathId('srv', 'server');

@ApiTags('servers')
@Controller('v1/servers')
export class ServersController {
  readonly #servers: ServersService;

  constructor(servers: ServersService) {
    this.#servers = servers;
  }

  @Post()
  @Allowed('admin')
  @ApiCreatedResponse({ type: ServerView })
  createServer(@CurrentPrincipal() principal: Principal, @Body() body: CreateServer): Promise<ServerView> {
    return this.#servers.create(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ServerPage })
  listServers(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<ServerPage> {
    return this.#servers.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @ApiOkResponse({ type: ServerView })
  getServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<ServerView> {
    return this.#servers.get(principal, id);
  }

  @Patch(':id')
  @Allowed('admin')
  @ApiOkResponse({ type: ServerView })
  updateServer(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Body() body: UpdateServer,
  ): Promise<ServerView> {
    return this.#servers.update(principal, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse()
  deleteServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<void> {
    return this.#servers.delete(principal, id);
  }

  @Post(':id/discover')
  @HttpCode(200)
  @Allowed('admin')
  @ApiOkResponse({ type: ServerView })
  discoverServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<ServerView> {
    return this.#servers.discover(principal, id);
  }
}
