import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Allowed } from '../../platform/rest/allowed.js';
import { LogKeysQuery, LogKeysView } from './proof.dto.js';
import { ProofService } from './proof.service.js';

@ApiTags('audit')
@Controller('.well-known')
export class LogKeysController {
  readonly #proofs: ProofService;

  constructor(proofs: ProofService) {
    this.#proofs = proofs;
  }

  @Get('toolgate-log-keys')
  @Allowed('anyone')
  @ApiOperation({
    summary: 'The keys that sign checkpoints of an audit log',
    description: 'An origin is the first line of a checkpoint; who does not know it learns of no key.',
  })
  @ApiOkResponse({ type: LogKeysView })
  getLogKeys(@Query() { origin }: LogKeysQuery, @Req() { ip = '' }: Request): Promise<LogKeysView> {
    return this.#proofs.keys(origin, ip);
  }
}
