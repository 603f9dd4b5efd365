import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { goneSignal } from '../../../platform/rest/client-gone.js';
import { pathId } from '../../../platform/rest/path-id.js';
import { ETAG, Tagged } from '../../../platform/rest/versions.js';
import { sendStream } from '../../../record/audit/send-stream.js';
import { OrganizationView } from '../organizations.dto.js';
import { ScheduleDeletion } from './end.dto.js';
import { EndService } from './end.service.js';

const MEMBER_ID = pathId('usr', 'member');
const ARCHIVE = {
  description: 'A zip of NDJSON files, as an attachment; one that breaks off is incomplete',
  content: { 'application/zip': { schema: { type: 'string', format: 'binary' } } },
} as const;

const send = async (response: Response, name: string, archive: AsyncIterable<Uint8Array>): Promise<void> => {
  response.status(200).setHeader('Content-Type', 'application/zip');
  response.setHeader('Content-Disposition', `attachment; filename="${name}.zip"`);
  response.setHeader('Cache-Control', 'no-store');
  await sendStream(response, archive);
};

@ApiTags('accounts')
@Controller('v1')
export class EndController {
  readonly #end: EndService;

  constructor(end: EndService) {
    this.#end = end;
  }

  @Get('organization/export')
  @ApiOperation({ summary: 'Export everything that the organization has' })
  @Allowed('admin')
  @ApiOkResponse(ARCHIVE)
  async exportOrganization(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    await send(response, 'toolgate-organization', await this.#end.export(principal, goneSignal(response)));
  }

  @Post('organization/deletion')
  @HttpCode(200)
  @ApiOperation({ summary: 'Delete the organization, after a delay' })
  @Allowed('admin')
  @Tagged()
  @ApiOkResponse({ type: OrganizationView, headers: ETAG })
  scheduleDeletion(
    @CurrentPrincipal() principal: Principal,
    @Body() body: ScheduleDeletion,
  ): Promise<OrganizationView> {
    return this.#end.schedule(principal, body);
  }

  @Delete('organization/deletion')
  @HttpCode(204)
  @ApiOperation({ summary: 'Keep the organization' })
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Cancelled; the organization stays' })
  cancelDeletion(@CurrentPrincipal() principal: Principal): Promise<void> {
    return this.#end.cancel(principal);
  }

  @Get('me/data')
  @ApiOperation({ summary: 'Export what the organization has about you' })
  @Allowed('member')
  @ApiOkResponse(ARCHIVE)
  async exportOwnData(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    await send(response, 'toolgate-personal-data', await this.#end.ownData(principal, goneSignal(response)));
  }

  @Get('members/:id/data')
  @ApiOperation({ summary: 'Export what the organization has about a member' })
  @Allowed('admin')
  @ApiOkResponse(ARCHIVE)
  async exportMemberData(
    @CurrentPrincipal() principal: Principal,
    @Param('id', MEMBER_ID) id: string,
    @Res() response: Response,
  ): Promise<void> {
    await send(response, 'toolgate-personal-data', await this.#end.personalData(principal, id, goneSignal(response)));
  }

  @Post('members/:id/erase')
  @HttpCode(204)
  @Allowed('admin')
  @ApiNoContentResponse({ description: 'Removed, and their e-mail address is gone but from the logs' })
  eraseMember(@CurrentPrincipal() principal: Principal, @Param('id', MEMBER_ID) id: string): Promise<void> {
    return this.#end.erase(principal, id);
  }
}
