import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { pathId } from '../../../platform/rest/path-id.js';
import { ApiIfMatch, ETAG, IfMatch, Tagged } from '../../../platform/rest/versions.js';
import {
  AcceptTool,
  OverruleCategory,
  RecommendedPolicyView,
  RecommendPolicy,
  ToolPage,
  ToolQuery,
  ToolView,
  UpdateTool,
} from './tools.dto.js';
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
  @ApiParam({ name: 'id' })
  @ApiParam({ name: 'name' })
  @ApiIfMatch()
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: ToolView, headers: ETAG })
  updateTool(
    @CurrentPrincipal() principal: Principal,
    @Param() { id, name: tool }: Readonly<{ id: string; name: string }>,
    @IfMatch() ifMatch: string | undefined,
    @Body() body: UpdateTool,
  ): Promise<ToolView> {
    return this.#tools.update(principal, { id: SERVER_ID.transform(id), tool, ifMatch }, body);
  }

  @Post(':name/accept')
  @HttpCode(200)
  @ApiOperation({ summary: "Accept a tool's new definition" })
  @Allowed('policy_manager')
  @Tagged()
  @ApiOkResponse({ type: ToolView, headers: ETAG })
  acceptTool(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Param('name') name: string,
    @Body() body: AcceptTool,
  ): Promise<ToolView> {
    return this.#tools.accept(principal, id, name, body);
  }

  @Put(':name/category')
  @ApiParam({ name: 'id' })
  @ApiParam({ name: 'name' })
  @ApiIfMatch()
  @Allowed('policy_manager')
  @Tagged()
  @ApiOkResponse({ type: ToolView, headers: ETAG })
  overruleToolCategory(
    @CurrentPrincipal() principal: Principal,
    @Param() { id, name: tool }: Readonly<{ id: string; name: string }>,
    @IfMatch() ifMatch: string | undefined,
    @Body() { category, reason }: OverruleCategory,
  ): Promise<ToolView> {
    return this.#tools.overrule(principal, { id: SERVER_ID.transform(id), tool, ifMatch }, { category, reason });
  }

  @Delete(':name/category')
  @HttpCode(204)
  @Allowed('policy_manager')
  @ApiNoContentResponse()
  async restoreToolCategory(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Param('name') tool: string,
  ): Promise<void> {
    await this.#tools.overrule(principal, { id, tool }, undefined);
  }
}

/** Policies that are proposed for a server by what its tools can do. */
@ApiTags('policies')
@Controller('v1/servers/:id/policies/recommended')
export class RecommendedPolicyController {
  readonly #tools: ToolsService;

  constructor(tools: ToolsService) {
    this.#tools = tools;
  }

  @Post()
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOkResponse({ type: RecommendedPolicyView })
  recommendPolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
    @Body() { posture }: RecommendPolicy,
  ): Promise<RecommendedPolicyView> {
    return this.#tools.recommend(principal, id, posture);
  }
}
