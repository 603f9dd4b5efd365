import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allowed, CurrentPrincipal, type Principal } from '../../../platform/rest/allowed.js';
import { bodyOf } from '../../../platform/rest/body-validation.js';
import { TestAnswer, TestSent } from './case-tests.dto.js';
import { CaseTests, type SentTests, type TestReport } from './case-tests.service.js';

@ApiTags('policies')
@Controller('v1/policies')
export class CaseTestsController {
  readonly #tests: CaseTests;

  constructor(@Inject(CaseTests) tests: CaseTests) {
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
  @ApiBody({ type: TestSent })
  @ApiOkResponse({ type: TestAnswer })
  testPolicy(@CurrentPrincipal() principal: Principal, @Body(bodyOf(TestSent)) body: SentTests): Promise<TestReport> {
    return this.#tests.run(principal, body);
  }
}
