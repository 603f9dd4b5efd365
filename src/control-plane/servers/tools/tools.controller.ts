import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import type { Page } from '../../../platform/rest/page.js';
import type { ToolView } from './tool-view.js';
import { AcceptBody, ToolAnswer, ToolPage, ToolPatchBody, ToolsQuery } from './tools.dto.js';
import { Tools } from './tools.service.js';

@ApiTags('servers')
@Controller('v1/servers/:id/tools')
export class ToolsController {
  constructor(private readonly tools: Tools) {}

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ToolPage })
  listTools(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: ToolsQuery,
  ): Promise<Page<ToolView>> {
    return this.tools.list(principal, id, query);
  }

  @Patch(':name')
  @Allowed('admin')
  @ApiOkResponse({ type: ToolAnswer })
  changeTool(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Body() body: ToolPatchBody,
  ): Promise<ToolView> {
    return this.tools.change(principal, id, name, body.disabled);
  }

  @Post(':name/accept')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOkResponse({ type: ToolAnswer })
  acceptTool(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Body() body: AcceptBody,
  ): Promise<ToolView> {
    return this.tools.accept(principal, id, name, body.definitionHash);
  }
}
