import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Header, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Allowed } from '../../platform/rest/allowed.js';
import { LogKeysQuery, LogKeysView } from './proof.dto.js';
import { ProofService } from './proof.service.js';

/** The program lies beside the sources, also where they are compiled. */
const VERIFIER = fileURLToPath(new URL('../../../src/toolgate-verify.mjs', import.meta.url));
let verifier: Promise<string> | undefined;

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

  @Get('toolgate-verify.mjs')
  @Allowed('anyone')
  @Header('content-type', 'text/javascript; charset=utf-8')
  @Header('content-disposition', 'attachment; filename="toolgate-verify.mjs"')
  @ApiOperation({
    summary: 'The program that verifies bundles',
    description: 'One file for Node, which needs nothing else and no network: `node toolgate-verify.mjs bundle.zip`.',
  })
  @ApiOkResponse({ content: { 'text/javascript': { schema: { type: 'string' } } } })
  getVerifier(): Promise<string> {
    verifier ??= readFile(VERIFIER, 'utf8');
    return verifier;
  }
}
