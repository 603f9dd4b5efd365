import { Controller, Get, Header, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { goneSignal } from '../../platform/rest/client-gone.js';
import { PageQuery } from '../../platform/rest/page.js';
import type { Response } from 'express';
import { sendStream } from '../audit/send-stream.js';
import { BundleQuery, CheckpointPage, ConsistencyQuery, ConsistencyView, SelfCheckView } from './proof.dto.js';
import { ProofService } from './proof.service.js';

const TEXT = 'text/plain; charset=utf-8';
const asText = { content: { 'text/plain': { schema: { type: 'string' } } } } as const;

@ApiTags('audit')
@Controller('v1/audit')
export class ProofController {
  readonly #proofs: ProofService;

  constructor(proofs: ProofService) {
    this.#proofs = proofs;
  }

  @Get('checkpoints')
  @Allowed('auditor')
  @ApiOperation({
    summary: 'List the checkpoints of the audit log',
    description:
      'A checkpoint signs the root of an RFC 6962 tree over the records, as a C2SP signed note; one is made every ' +
      'ten seconds when there are new records. Keep some elsewhere: whoever has one can tell whether the log still ' +
      'begins with what it signed.',
  })
  @ApiOkResponse({ type: CheckpointPage })
  listCheckpoints(@CurrentPrincipal() principal: Principal, @Query() query: PageQuery): Promise<CheckpointPage> {
    return this.#proofs.checkpoints(principal, query);
  }

  @Get('tlog/checkpoint')
  @Allowed('auditor')
  @Header('content-type', TEXT)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The newest checkpoint', description: 'As C2SP tlog-tiles serves it.' })
  @ApiOkResponse(asText)
  getCheckpoint(@CurrentPrincipal() principal: Principal): Promise<string> {
    return this.#proofs.newest(principal);
  }

  @Get('tlog/tile/*path')
  @Allowed('auditor')
  @ApiOperation({
    summary: 'A tile of the tree',
    description:
      'As C2SP tlog-tiles lays it out: `<L>/<N>[.p/<W>]` are hashes, `entries/<N>[.p/<W>]` records, each behind its ' +
      'length in two bytes. What the newest checkpoint does not cover is 404, as are records that retention took.',
  })
  @ApiOkResponse({ content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } })
  async getTile(
    @CurrentPrincipal() principal: Principal,
    @Param('path') path: string | readonly string[],
    @Res() response: Response,
  ): Promise<void> {
    const bytes = await this.#proofs.tile(principal, [path].flat().join('/'), goneSignal(response));
    response.status(200).setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Cache-Control', 'private, max-age=31536000, immutable');
    response.end(bytes);
  }

  @Post('self-check')
  @HttpCode(200)
  @Allowed('auditor')
  @ApiOperation({
    summary: 'Check the audit log now',
    description:
      'Compares every kept record, up to the newest checkpoint, with the tree and with what was signed; the ' +
      'projector does the same every hour. Takes as long as reading the whole log. A fault is put on record as ' +
      'audit.selfCheckFailed and told to the organization.',
  })
  @ApiOkResponse({ type: SelfCheckView })
  selfCheck(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SelfCheckView> {
    return this.#proofs.selfCheck(principal, goneSignal(response));
  }

  @Get('proofs/:seq')
  @Allowed('auditor')
  @Header('content-type', TEXT)
  @ApiOperation({
    summary: 'Prove one record',
    description: 'A C2SP tlog-proof by the newest checkpoint; a record that it does not cover is 404.',
  })
  @ApiOkResponse(asText)
  getProof(@CurrentPrincipal() principal: Principal, @Param('seq') seq: string): Promise<string> {
    return this.#proofs.proofOf(principal, /^[1-9]\d{0,15}$/.test(seq) ? Number(seq) : Number.NaN);
  }

  @Get('bundle')
  @Allowed('auditor')
  @ApiOperation({
    summary: 'Take records with what proves them',
    description:
      'A zip that verifies without us: manifest.json, records.ndjson, checkpoint.txt, before.txt, after.txt, ' +
      'keys.json (docs/proof.md). `npx toolgate-verify` checks it. Records audit.exported. An answer that breaks ' +
      'off is no zip.',
  })
  @ApiOkResponse({ content: { 'application/zip': { schema: { type: 'string', format: 'binary' } } } })
  async getBundle(
    @CurrentPrincipal() principal: Principal,
    @Query() query: BundleQuery,
    @Res() response: Response,
  ): Promise<void> {
    const chunks = await this.#proofs.bundle(principal, query, goneSignal(response));
    response.status(200).setHeader('Content-Type', 'application/zip');
    response.setHeader('Content-Disposition', 'attachment; filename="toolgate-audit.zip"');
    response.setHeader('Cache-Control', 'no-store');
    await sendStream(response, chunks);
  }

  @Get('consistency')
  @Allowed('auditor')
  @ApiOperation({
    summary: 'Prove that the log only grew',
    description: 'The hashes of RFC 6962, section 2.1.2, between trees of two sizes.',
  })
  @ApiOkResponse({ type: ConsistencyView })
  getConsistency(@CurrentPrincipal() principal: Principal, @Query() query: ConsistencyQuery): Promise<ConsistencyView> {
    return this.#proofs.consistency(principal, query);
  }
}
