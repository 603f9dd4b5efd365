import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { SessionPage, SessionQuery } from './sessions.dto.js';
import { SessionsService } from './sessions.service.js';

const SESSION_ID = pathId('ses', 'session');

/** The caller's own sign-in sessions; an API key has none. */
@ApiTags('accounts')
@Controller('v1/sessions')
export class SessionsController {
  readonly #sessions: SessionsService;

  constructor(sessions: SessionsService) {
    this.#sessions = sessions;
  }

  @Get()
  @ApiOperation({ summary: 'List your sign-in sessions' })
  @Allowed('member')
  @ApiOkResponse({ type: SessionPage })
  listSessions(@CurrentPrincipal() principal: Principal, @Query() query: SessionQuery): Promise<SessionPage> {
    return this.#sessions.list(principal, query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allowed('member')
  @ApiNoContentResponse({ description: 'Ended' })
  deleteSession(@CurrentPrincipal() principal: Principal, @Param('id', SESSION_ID) id: string): Promise<void> {
    return this.#sessions.delete(principal, id);
  }
}
