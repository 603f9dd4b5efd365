import { Body, Controller, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toJsonText } from '../../platform/json/exact-number.js';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { pathId } from '../../platform/rest/path-id.js';
import { ApprovalPage, ApprovalQuery, ApprovalView, ApprovalWithArguments, DecideApproval } from './approvals.dto.js';
import { ApprovalsService } from './approvals.service.js';

const APPROVAL_ID = pathId('apr', 'approval');

@ApiTags('approvals')
@Controller('v1/approvals')
export class ApprovalsController {
  readonly #approvals: ApprovalsService;

  constructor(approvals: ApprovalsService) {
    this.#approvals = approvals;
  }

  @Get()
  @Allowed('member')
  @ApiOkResponse({ type: ApprovalPage })
  listApprovals(@CurrentPrincipal() principal: Principal, @Query() query: ApprovalQuery): Promise<ApprovalPage> {
    return this.#approvals.list(principal, query);
  }

  /** The arguments are shown as the agent wrote them, also numbers that no double holds. */
  @Get(':id')
  @Allowed('member')
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOkResponse({ type: ApprovalWithArguments })
  async getApproval(@CurrentPrincipal() principal: Principal, @Param('id', APPROVAL_ID) id: string): Promise<string> {
    return toJsonText(await this.#approvals.get(principal, id));
  }

  @Post(':id/approve')
  @HttpCode(200)
  @ApiOperation({ summary: 'Approve a held call' })
  @Allowed('approver')
  @ApiBody({ type: DecideApproval, required: false })
  @ApiOkResponse({ type: ApprovalView })
  approve(
    @CurrentPrincipal() principal: Principal,
    @Param('id', APPROVAL_ID) id: string,
    @Body() body?: DecideApproval,
  ): Promise<ApprovalView> {
    return this.#approvals.decide(principal, id, { decision: 'approved', comment: body?.comment ?? null });
  }

  @Post(':id/reject')
  @HttpCode(200)
  @ApiOperation({ summary: 'Reject a held call' })
  @Allowed('approver')
  @ApiBody({ type: DecideApproval, required: false })
  @ApiOkResponse({ type: ApprovalView })
  reject(
    @CurrentPrincipal() principal: Principal,
    @Param('id', APPROVAL_ID) id: string,
    @Body() body?: DecideApproval,
  ): Promise<ApprovalView> {
    return this.#approvals.decide(principal, id, { decision: 'rejected', comment: body?.comment ?? null });
  }
}
