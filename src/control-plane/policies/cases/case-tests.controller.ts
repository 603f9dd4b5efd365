import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { TestReportView, TestPolicy } from './case-tests.dto.js';
import { CaseTestsService } from './case-tests.service.js';

@ApiTags('policies')
@Controller('v1/policies')
export class CaseTestsController {
  readonly #tests: CaseTestsService;

  constructor(tests: CaseTestsService) {
    this.#tests = tests;
  }

  @Post('test')
  @HttpCode(200)
  @Allowed('policy_manager')
  @ApiOperation({
    summary: 'Test a policy by a file of cases',
    description:
      'Judges every case as the gateway would, limits included, and answers what came out otherwise ' +
      'than expected and which rules were exercised. Nothing is recorded, counted or changed. Switches, ' +
      'pins and other grants are not looked at.',
  })
  @ApiOkResponse({ type: TestReportView })
  testPolicy(@CurrentPrincipal() principal: Principal, @Body() body: TestPolicy): Promise<TestReportView> {
    return this.#tests.run(principal, body);
  }
}
