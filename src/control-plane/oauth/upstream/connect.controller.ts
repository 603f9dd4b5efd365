import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { pathId } from '../../../platform/rest/path-id.js';
import { ConnectionList, ConnectView } from './connect.dto.js';
import { ConnectService } from './connect.service.js';

const SERVER_ID = pathId('srv', 'server');

@ApiTags('servers')
@Controller('v1/servers/:id')
export class ConnectController {
  readonly #connect: ConnectService;

  constructor(connect: ConnectService) {
    this.#connect = connect;
  }

  @Post('connect')
  @HttpCode(200)
  @Allowed('admin')
  @ApiOperation({ summary: 'Begin to sign in to a server that demands OAuth' })
  @ApiOkResponse({ type: ConnectView })
  connectServer(@CurrentPrincipal() principal: Principal, @Param('id', SERVER_ID) id: string): Promise<ConnectView> {
    return this.#connect.begin(principal, id);
  }

  @Get('connections')
  @Allowed('member')
  @ApiOperation({ summary: 'Show how Toolgate is signed in to a server' })
  @ApiOkResponse({ type: ConnectionList })
  listConnections(
    @CurrentPrincipal() principal: Principal,
    @Param('id', SERVER_ID) id: string,
  ): Promise<ConnectionList> {
    return this.#connect.list(principal, id);
  }
}
