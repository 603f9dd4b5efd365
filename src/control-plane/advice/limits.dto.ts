import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { scopeNames } from '../../policy-engine/scopes.js';

export class LimitStateView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the policy document' })
  readonly rule!: string;

  @ApiProperty({ type: String, nullable: true, description: 'The name or pattern of the entry; null: for all tools' })
  readonly tool!: string | null;

  @ApiProperty({ type: String })
  readonly counter!: string;

  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'integer' }] })
  readonly window!: string | number;

  @ApiProperty({
    enum: [...scopeNames],
    description: 'Whose calls are counted together',
  })
  readonly scope!: string;

  @ApiProperty({ type: Number })
  readonly max!: number;

  @ApiPropertyOptional({ type: String, description: 'The argument whose value is spent; 1 a call without it' })
  readonly incrementFrom?: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'In the window that runs now; null by session, as each has a count of its own',
  })
  readonly used!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  readonly left!: number | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'When the next window begins, by the clock that counts',
  })
  readonly resetAt!: string;
}

export class GrantLimitsView {
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'null: the grant has no policy, and every call is refused',
  })
  readonly policyId!: string | null;

  @ApiProperty({ type: 'integer', nullable: true })
  readonly policyVersion!: number | null;

  @ApiProperty({ type: [LimitStateView] })
  readonly items!: readonly LimitStateView[];
}
