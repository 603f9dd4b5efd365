import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { Response } from 'express';
import { sendStream } from '../../../record/audit/send-stream.js';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { goneSignal } from '../../../platform/rest/client-gone.js';
import { pathId } from '../../../platform/rest/path-id.js';
import { SimulationView, SimulatePolicy } from './simulations.dto.js';
import { SimulationsService, type SimulationStep } from './simulations.service.js';

const POLICY_ID = pathId('pol', 'policy');
const LINES = 'application/x-ndjson';

async function* linesOf(steps: AsyncIterable<SimulationStep>): AsyncGenerator<string> {
  for await (const step of steps) yield `${JSON.stringify(step)}\n`;
}

/** The simulation alone; nothing when the client left before its end. */
async function* answerOf(steps: AsyncIterable<SimulationStep>, response: Response): AsyncGenerator<string> {
  for await (const step of steps) {
    if (response.destroyed) return;
    if ('simulation' in step) yield JSON.stringify(step.simulation);
  }
}

@ApiTags('policies')
@ApiExtraModels(SimulationView)
@Controller('v1/policies')
export class SimulationsController {
  readonly #simulations: SimulationsService;

  constructor(simulations: SimulationsService) {
    this.#simulations = simulations;
  }

  @Post(':id/simulate')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOperation({
    summary: 'Try a policy on recorded calls',
    description:
      'Runs a document, or the policy as it stands, over the recorded decisions of the grants that have ' +
      'the policy (of all grants of its server, when none has it), as if enforced, and answers which ' +
      `would have come out otherwise. With Accept: ${LINES} the answer is lines: ` +
      '{"progress":{"done","total"}} as it goes on, and at last {"simulation":…}. Argument values are ' +
      'not recorded: what depends on them is counted as unjudged. Limits count from 0 at the beginning ' +
      'of the range.',
  })
  @ApiBody({ type: SimulatePolicy, required: false })
  @ApiOkResponse({
    description: 'What came of it',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(SimulationView) } },
      [LINES]: { schema: { type: 'string' } },
    },
  })
  async simulatePolicy(
    @CurrentPrincipal() principal: Principal,
    @Param('id', POLICY_ID) id: string,
    @Body() body: SimulatePolicy,
    @Res() response: Response,
  ): Promise<void> {
    const steps = await this.#simulations.begin(principal, id, body, goneSignal(response));
    const lines = response.req.accepts(['application/json', LINES]) === LINES;
    response.setHeader('Content-Type', lines ? LINES : 'application/json; charset=utf-8');
    response.setHeader('Cache-Control', 'no-store');
    await sendStream(response, lines ? linesOf(steps) : answerOf(steps, response));
  }
}
