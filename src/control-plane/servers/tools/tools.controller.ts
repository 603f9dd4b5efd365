import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { pathId } from '../../../platform/rest/path-id.js';
import { AcceptTool, ToolPage, ToolQuery, ToolView, UpdateTool } from './tools.dto.js';
import { ToolsService } from './tools.service.js';

const SERVER_ID = pathId('srv', 'server');

@ApiTags('servers')
@Controller('v1/servers/:id/tools')
export class ToolsController {
  readonly #tools: ToolsService;

  constructor(tools: ToolsService) {
    this.#tools = tools;
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ToolPage })
  listTools(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Query() query: ToolQuery,
  ): Promise<ToolPage> {
    return this.#tools.list(principal, id, query);
  }

  @Patch(':name')
  @Allowed('admin')
  @ApiOkResponse({ type: ToolView })
  updateTool(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Param('name') name: string,
    @Body() body: UpdateTool,
  ): Promise<ToolView> {
    return this.#tools.update(principal, id, name, body);
  }

  @Post(':name/accept')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOkResponse({ type: ToolView })
  acceptTool(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Param('name') name: string,
    @Body() body: AcceptTool,
  ): Promise<ToolView> {
    return this.#tools.accept(principal, id, name, body);
  }
}
