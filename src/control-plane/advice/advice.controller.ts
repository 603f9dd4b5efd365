import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { goneSignal } from '../../platform/rest/client-gone.js';
import { ApiIfMatch, etagOf, IfMatch, matchesVersion, requireIfMatch } from '../../platform/rest/versions.js';
import { pathId } from '../../platform/rest/path-id.js';
import { AcceptedAdviceView, AdviceRange, AdviceView } from './advice.dto.js';
import { AdviceService, type Advice } from './advice.service.js';

const GRANT_ID = pathId('grt', 'grant');

const view = ({ from, to, tools, limits, ...rest }: Advice): AdviceView => ({
  ...rest,
  from: from.toISOString(),
  to: to.toISOString(),
  tools: tools.map(({ lastUsedAt, ...tool }) => ({ ...tool, lastUsedAt: lastUsedAt.toISOString() })),
  limits: limits.map(({ incrementFrom, peakAt, ...limit }) => ({
    ...limit,
    ...(incrementFrom === undefined ? {} : { incrementFrom }),
    peakAt: peakAt.toISOString(),
  })),
});

const IF_MATCH_WANTED =
  'Read the advice and send its hash as If-Match, so that what you saw is what is published; * takes any.';

/** Judges an `If-Match` once the advice is known, so that a grant that does not exist answers 404. */
const matcher =
  (ifMatch: string | undefined): ((hash: string) => boolean) =>
  (hash) =>
    matchesVersion(requireIfMatch(ifMatch, IF_MATCH_WANTED), hash);

@ApiTags('grants')
@Controller('v1/grants')
export class AdviceController {
  readonly #advice: AdviceService;

  constructor(advice: AdviceService) {
    this.#advice = advice;
  }

  @Get(':id/advice')
  @Allowed('member')
  @ApiOperation({
    summary: 'What the audit log says about the policy of a grant',
    description:
      'Tools that are allowed and were never used, limits far above use, and a tighter document with ' +
      'the evidence. It never allows what the live document refuses, and goes on allowing every tool ' +
      'that was used, with limits at twice what was used or more. Resources and prompts stay as they ' +
      'are.',
  })
  @ApiOkResponse({
    type: AdviceView,
    headers: { ETag: { description: 'The hash, when there is a document', schema: { type: 'string' } } },
  })
  async getAdvice(
    @CurrentPrincipal() principal: Principal,
    @Param('id', GRANT_ID) id: string,
    @Query() range: AdviceRange,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AdviceView> {
    const advice = await this.#advice.advise(principal, id, range, goneSignal(response));
    if (advice.hash !== null) response.setHeader('ETag', etagOf(advice.hash));
    return view(advice);
  }

  @Post(':id/advice/accept')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOperation({
    summary: 'Publish the document of an advice for its grant',
    description: "As the next version of the grant's policy, or as a new policy where other grants go by it too.",
  })
  @ApiBody({ type: AdviceRange, required: false })
  @ApiIfMatch({ required: true })
  @ApiOkResponse({ type: AcceptedAdviceView })
  acceptAdvice(
    @CurrentPrincipal() principal: Principal,
    @Param('id', GRANT_ID) id: string,
    @IfMatch() ifMatch: string | undefined,
    @Body() range?: AdviceRange,
  ): Promise<AcceptedAdviceView> {
    return this.#advice.accept(principal, id, matcher(ifMatch), range ?? {});
  }
}
