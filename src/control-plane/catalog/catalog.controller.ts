import { Body, Controller, Get, HttpCode, Ip, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed } from '../../platform/rest/allowed.js';
import { MaxBody } from '../../platform/rest/max-body.js';
import {
  CatalogServerDetailView,
  CatalogServerPage,
  CatalogServerQuery,
  CatalogToolDetailView,
  ClassificationView,
  ClassifyTools,
  MAX_TOOLS,
} from './catalog.dto.js';
import type { Classification } from './classify-request.js';
import { CatalogService } from './catalog.service.js';
import { CLASSIFICATIONS_A_MINUTE } from './classify-gate.js';

const MAX_DEFINITIONS_BYTES = 2 * 2 ** 20;

@ApiTags('catalog')
@Controller('v1/catalog')
export class CatalogController {
  readonly #catalog: CatalogService;

  constructor(catalog: CatalogService) {
    this.#catalog = catalog;
  }

  @Post('classify')
  @HttpCode(200)
  @Allowed('anyone')
  @MaxBody(MAX_DEFINITIONS_BYTES)
  @ApiOperation({
    summary: 'Say what tools can do, by their definitions',
    description:
      `Takes at most ${MAX_TOOLS} tools and ${MAX_DEFINITIONS_BYTES / 2 ** 20} MiB, and ` +
      `${CLASSIFICATIONS_A_MINUTE} requests a minute from one address. Nothing of it is stored. The category is ` +
      'found by rules over names, descriptions and inputs; a hint of the server may raise a risk and never lowers one.',
  })
  @ApiOkResponse({ type: ClassificationView })
  classify(@Body() body: ClassifyTools, @Ip() address: string): Promise<Classification> {
    return this.#catalog.classify(body, address);
  }

  @Get('servers')
  @Allowed('anyone')
  @ApiOperation({ summary: 'Search the known servers' })
  @ApiOkResponse({ type: CatalogServerPage })
  listCatalogServers(@Query() query: CatalogServerQuery, @Ip() address: string): Promise<CatalogServerPage> {
    return this.#catalog.list(query, address);
  }

  @Get('servers/:slug')
  @Allowed('anyone')
  @ApiOkResponse({ type: CatalogServerDetailView })
  getCatalogServer(@Param('slug') slug: string, @Ip() address: string): Promise<CatalogServerDetailView> {
    return this.#catalog.server(slug, address);
  }

  @Get('servers/:slug/tools/:tool')
  @Allowed('anyone')
  @ApiOkResponse({ type: CatalogToolDetailView })
  getCatalogTool(
    @Param('slug') slug: string,
    @Param('tool') tool: string,
    @Ip() address: string,
  ): Promise<CatalogToolDetailView> {
    return this.#catalog.tool(slug, tool, address);
  }
}
