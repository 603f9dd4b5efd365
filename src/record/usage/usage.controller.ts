import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { ClientGone } from '../../platform/rest/client-gone.js';
import { UsageQuery } from './usage.dto.js';
import type { UsageItem } from './usage.query.js';
import { UsageService } from './usage.service.js';

const COUNT = { type: 'integer', minimum: 0 } as const;
const KEY = { type: 'string', nullable: true } as const;
const ITEM = {
  type: 'object',
  required: ['from', 'calls', 'completed', 'failed'],
  properties: {
    from: { type: 'string', format: 'date-time' },
    grant: KEY,
    identity: KEY,
    server: KEY,
    tool: KEY,
    effect: KEY,
    grantLabel: KEY,
    identityName: KEY,
    serverName: KEY,
    calls: COUNT,
    completed: COUNT,
    failed: COUNT,
  },
};

@ApiTags('usage')
@Controller('v1/usage')
export class UsageController {
  readonly #usage: UsageService;

  constructor(usage: UsageService) {
    this.#usage = usage;
  }

  @Get()
  @Allowed('member')
  @ApiOperation({
    summary: 'Count calls and their outcomes',
    description:
      'calls counts decisions (of every effect), completed the outcomes ok and tool_error, failed the ' +
      'other outcomes but not_forwarded. Each item begins at `from` and has one key per groupBy, named ' +
      'as there; the value is the id, tool name or effect. Beside ids stand names: ' +
      'identityName, serverName, and of a grant its ' +
      'grantLabel too, also when the object was deleted. Hours count that overlap the range. An ' +
      'answer of more than 10,000 items is refused.',
  })
  @ApiOkResponse({
    schema: { type: 'object', required: ['items'], properties: { items: { type: 'array', items: ITEM } } },
  })
  getUsage(
    @CurrentPrincipal() principal: Principal,
    @Query() query: UsageQuery,
    @ClientGone() gone: AbortSignal,
  ): Promise<Readonly<{ items: readonly UsageItem[] }>> {
    return this.#usage.get(principal, query, gone);
  }
}
