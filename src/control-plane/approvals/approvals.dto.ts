import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { OneOf, Text } from '../../platform/rest/fields.js';
import { PageView } from '../../platform/rest/page.dto.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { APPROVAL_SORTS, SHOWN_STATUSES, type ShownStatus } from './approvals.store.js';

export class ApprovalQuery extends listQueryOf(APPROVAL_SORTS) {
  @OneOf(SHOWN_STATUSES, { optional: true })
  status?: ShownStatus;
}

export class DecideApproval {
  @Text(1, 1000, { nullable: true, description: 'On record, and with a rejection shown to the agent' })
  comment?: string | null;
}

export class ApproverView {
  @ApiProperty({ type: String }) readonly type!: string;
  @ApiProperty({ type: String }) readonly id!: string;
  @ApiPropertyOptional({ type: String }) readonly name?: string;
}

export class ApproverDecisionView {
  @ApiProperty({ enum: ['approved', 'rejected'] }) readonly decision!: string;
  @ApiProperty({ type: String, description: 'The person; an API key counts as the member who issued it' })
  readonly memberId!: string;
  @ApiProperty({ type: ApproverView }) readonly by!: ApproverView;
  @ApiProperty({ type: String, nullable: true }) readonly comment!: string | null;
  @ApiProperty({ type: String, format: 'date-time' }) readonly time!: string;
}

export class ApprovalView {
  @ApiProperty({ type: String, example: 'apr_01h2xcejqtf2nbrexx3vqjhp41' }) readonly id!: string;
  @ApiProperty({
    enum: SHOWN_STATUSES,
    description: 'void: its grant, policy or tool is not what it was, so it lets nothing through',
  })
  readonly status!: ShownStatus;
  @ApiProperty({ type: String }) readonly grantId!: string;
  @ApiProperty({ type: String }) readonly identityId!: string;
  @ApiProperty({ type: String }) readonly identityName!: string;
  @ApiProperty({ type: String }) readonly serverId!: string;
  @ApiProperty({ type: String }) readonly serverName!: string;
  @ApiProperty({ enum: ['tool', 'resource', 'prompt'] }) readonly kind!: string;
  @ApiProperty({ type: String, description: 'The name of the tool or the prompt, or the URI of the resource' })
  readonly tool!: string;
  @ApiProperty({ type: [String] }) readonly argumentKeys!: readonly string[];
  @ApiProperty({
    type: String,
    description:
      'As in the decisions about this call, unless the request says more than its arguments: then of all of it',
  })
  readonly argumentsDigest!: string;
  @ApiProperty({ type: String, nullable: true }) readonly definitionHash!: string | null;
  @ApiProperty({ type: String }) readonly policyId!: string;
  @ApiProperty({ type: String }) readonly policyName!: string;
  @ApiProperty({ type: 'integer' }) readonly policyVersion!: number;
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the policy document' }) readonly rule!:
    string | null;
  @ApiProperty({ type: String }) readonly reason!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'How many people must approve' }) readonly count!: number;
  @ApiProperty({ type: [ApproverDecisionView] }) readonly decisions!: readonly ApproverDecisionView[];
  @ApiProperty({ type: String, format: 'date-time' }) readonly requestedAt!: string;
  @ApiProperty({ type: String, format: 'date-time', description: 'By then it must be decided, and used' })
  readonly expiresAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) readonly usedAt!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The call that used it' }) readonly callId!: string | null;
}

export class ExcludedApproverView {
  @ApiProperty({ type: String }) readonly memberId!: string;
  @ApiProperty({ type: String }) readonly email!: string;
  @ApiProperty({
    enum: ['issued_grant', 'owns_identity'],
    description: 'issued_grant: issued or rotated the grant; owns_identity: the call is made for this member',
  })
  readonly because!: string;
}

export class ApprovalWithArguments extends ApprovalView {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'For approvers: the exact arguments until the approval is decided, then null',
  })
  readonly arguments?: unknown;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description:
      'For approvers: what else the request says to the MCP server (`_meta` without progress token and ' +
      'trace context, `task`, ' +
      'members of params that MCP does not have) until the approval is decided; null when it says nothing else',
  })
  readonly otherParams?: unknown;

  @ApiPropertyOptional({ type: [ExcludedApproverView], description: 'For approvers: the members who may not approve' })
  readonly mayNotApprove?: readonly ExcludedApproverView[];
}

export class ApprovalPage extends PageView {
  @ApiProperty({ type: [ApprovalView] }) readonly items!: readonly ApprovalView[];
}
