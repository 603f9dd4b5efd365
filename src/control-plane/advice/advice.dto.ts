import { ApiProperty, OmitType } from '@nestjs/swagger';
import { Instant } from '../../platform/rest/fields.js';
import { LimitStateView } from './limits.dto.js';

/** The range of an advice; send the `from` and `to` that it answered. */
export class AdviceRange {
  @Instant({
    optional: true,
    description: 'Recorded (recordedAt) at this time or later; 30 days before `to` unless told',
  })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time; now unless told' })
  to?: string;
}

export class ToolUseView {
  @ApiProperty({ type: String })
  readonly tool!: string;

  @ApiProperty({ type: 'integer', description: 'Calls that were allowed or held' })
  readonly calls!: number;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly lastUsedAt!: string;
}

export class NeverUsedView {
  @ApiProperty({ type: String })
  readonly tool!: string;

  @ApiProperty({ type: String, description: 'What allows it: JSON Pointer into the policy document' })
  readonly rule!: string;
}

export class MeasuredLimitView extends OmitType(LimitStateView, ['used', 'left', 'resetAt']) {
  @ApiProperty({ type: Number, description: 'The most that one window took' })
  readonly peak!: number;

  @ApiProperty({ type: String, format: 'date-time', description: 'When that window began' })
  readonly peakAt!: string;

  @ApiProperty({ type: Number, nullable: true, description: 'Twice the peak; null when that is more than half of max' })
  readonly proposedMax!: number | null;
}

export class TighteningView {
  @ApiProperty({ enum: ['default_denied', 'pattern_narrowed', 'tool_never_used', 'limit_above_use'] })
  readonly code!: string;

  @ApiProperty({ type: String, description: 'JSON Pointer into the live document' })
  readonly rule!: string;

  @ApiProperty({ type: String, nullable: true, description: 'A name or a pattern' })
  readonly tool!: string | null;
}

export class AdviceView {
  @ApiProperty({ type: String })
  readonly grantId!: string;

  @ApiProperty({ type: String })
  readonly identityName!: string;

  @ApiProperty({ type: String })
  readonly serverName!: string;

  @ApiProperty({ type: String, nullable: true })
  readonly policyId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly policyName!: string | null;

  @ApiProperty({ type: 'integer', nullable: true })
  readonly policyVersion!: number | null;

  @ApiProperty({ type: String, format: 'date-time', description: 'Later than asked for where older records are gone' })
  readonly from!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly to!: string;

  @ApiProperty({ type: 'integer', description: 'Tool calls of the grant that were decided in this time' })
  readonly calls!: number;

  @ApiProperty({ type: [ToolUseView], description: 'What was used, most used first' })
  readonly tools!: readonly ToolUseView[];

  @ApiProperty({ type: [NeverUsedView], description: 'Tools of the server that the policy allows and nobody used' })
  readonly neverUsed!: readonly NeverUsedView[];

  @ApiProperty({
    type: [MeasuredLimitView],
    description: 'Limits by grant that used tools come to, in windows of which the range holds two or more',
  })
  readonly limits!: readonly MeasuredLimitView[];

  @ApiProperty({ type: [TighteningView], description: 'How the document differs from the live one' })
  readonly changes!: readonly TighteningView[];

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'A tighter policy document; null when there is none, as when nothing was used',
  })
  readonly document!: object | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Also the ETag: send it as If-Match to accept exactly this',
  })
  readonly hash!: string | null;
}

export class AcceptedAdviceView {
  @ApiProperty({ type: String, description: 'The policy of the grant now' })
  readonly policyId!: string;

  @ApiProperty({ type: 'integer' })
  readonly policyVersion!: number;

  @ApiProperty({ type: Boolean, description: 'Whether it is a new one, because other grants go by the one before' })
  readonly newPolicy!: boolean;
}
