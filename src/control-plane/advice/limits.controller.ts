import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { EventStore } from '../../record/event-store/event-store.js';
import { notFound } from '../../platform/runtime/problems.js';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { GrantLimitsView, type LimitStateView } from './limits.dto.js';
import { findGovernedGrant, readLimits, type LimitState } from './limits.query.js';

const GRANT_ID = pathId('grt', 'grant');

const view = ({ incrementFrom, resetAt, ...limit }: LimitState): LimitStateView => ({
  ...limit,
  ...(incrementFrom === undefined ? {} : { incrementFrom }),
  resetAt: resetAt.toISOString(),
});

@ApiTags('grants')
@Controller('v1/grants')
export class LimitsController {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  @Get(':id/limits')
  @Allowed('member')
  @ApiOperation({
    summary: 'What the limits of a grant have left',
    description: 'Every limit of its current policy that a call can reach. Asking counts nothing.',
  })
  @ApiOkResponse({ type: GrantLimitsView })
  getGrantLimits(
    @CurrentPrincipal() { organizationId }: Principal,
    @Param('id', GRANT_ID) id: string,
  ): Promise<GrantLimitsView> {
    return this.#store.read(organizationId, async (tx) => {
      const grant = await findGovernedGrant(tx, organizationId, id);
      if (!grant) throw notFound('grant');
      const { policy } = grant;
      return {
        policyId: policy?.id ?? null,
        policyVersion: policy?.version ?? null,
        items: (await readLimits(tx, organizationId, grant)).map(view),
      };
    });
  }
}
