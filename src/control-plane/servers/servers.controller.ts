import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../platform/rest/versions.js';
import { CreateServer, ServerPage, ServerQuery, ServerView, UpdateServer } from './servers.dto.js';
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
  @Tagged()
  @ApiCreatedResponse({ type: ServerView, headers: ETAG })
  createServer(@CurrentPrincipal() principal: Principal, @Body() body: CreateServer): Promise<ServerView> {
    return this.#servers.create(principal, body);
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ServerPage })
  listServers(@CurrentPrincipal() principal: Principal, @Query() query: ServerQuery): Promise<ServerPage> {
    return this.#servers.list(principal, query);
  }

  @Get(':id')
  @Allowed('member')
  @Tagged()
  @ApiOkResponse({ type: ServerView, headers: ETAG })
  getServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<ServerView> {
    return this.#servers.get(principal, id);
  }

  @Patch(':id')
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: ServerView, headers: ETAG })
  updateServer(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateServer,
  ): Promise<ServerView> {
    return this.#servers.update(principal, id, ifMatch, body);
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
  @ApiOperation({ summary: "Discover a server's tools" })
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: ServerView, headers: ETAG })
  discoverServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<ServerView> {
    return this.#servers.discover(principal, id);
  }
}
