import { ApiProperty } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import { Whole } from '../../platform/rest/fields.js';
import { PageView } from '../../platform/rest/page.dto.js';

const END = {
  description: 'A time in RFC 3339, or {"seq": n}',
  oneOf: [
    { type: 'string', format: 'date-time' },
    { type: 'object', required: ['seq'], properties: { seq: { type: 'integer', minimum: 1 } } },
  ],
};

export class RotateSecret {
  @Whole(0, 86_400, { optional: true, description: 'How long the secret before signs too; 0 without it' })
  graceSeconds?: number;
}

export class CreateBackfill {
  @ApiProperty(END)
  @Allow()
  from!: unknown;

  @ApiProperty({ ...END, description: `${END.description}, inclusive; a time means the records before it` })
  @Allow()
  to!: unknown;
}

export class BackfillView {
  @ApiProperty({ type: String, example: 'bkf_01h2xcejqtf2nbrexx3vqjhp41' }) readonly id!: string;
  @ApiProperty({ type: 'integer', minimum: 1 }) readonly fromSeq!: number;
  @ApiProperty({ type: 'integer', minimum: 1 }) readonly toSeq!: number;
  @ApiProperty({ type: 'integer', minimum: 0, description: 'The last record that was sent' })
  readonly cursorSeq!: number;
  @ApiProperty({ enum: ['running', 'done', 'failed', 'cancelled'] }) readonly status!: string;
  @ApiProperty({ type: String, format: 'date-time' }) readonly createdAt!: string;
}

export class BackfillPage extends PageView {
  @ApiProperty({ type: [BackfillView] })
  readonly items!: readonly BackfillView[];
}

export class DeadLetterView {
  @ApiProperty({ type: 'integer', minimum: 1 }) readonly seq!: number;
  @ApiProperty({ type: String }) readonly eventId!: string;
  @ApiProperty({ type: String, format: 'date-time' }) readonly at!: string;
  @ApiProperty({ type: 'integer', nullable: true }) readonly httpStatus!: number | null;
  @ApiProperty({ type: String, description: 'What the receiver answered, cut to 2 KiB' }) readonly answer!: string;
}

export class DeadLetterPage extends PageView {
  @ApiProperty({ type: [DeadLetterView] })
  readonly items!: readonly DeadLetterView[];
}

export class RedriveView extends DeadLetterPage {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'How many are sent again; items are the first of them' })
  readonly redriven!: number;
}

export class StreamErrorView {
  @ApiProperty({ type: String, format: 'date-time' }) readonly at!: string;
  @ApiProperty({ type: String, example: 'http_503' }) readonly code!: string;
  @ApiProperty({ type: 'integer', nullable: true }) readonly httpStatus!: number | null;
  @ApiProperty({ type: String, nullable: true }) readonly answer!: string | null;
}

export class StreamHourView {
  @ApiProperty({ type: String, format: 'date-time' }) readonly from!: string;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly delivered!: number;
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Records of tries that failed, counted at each try' })
  readonly failed!: number;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly bytes!: number;
}

export class LogStreamHealth {
  @ApiProperty({ enum: ['active', 'paused', 'degraded', 'auth_error', 'suspended'] }) readonly status!: string;
  @ApiProperty({ type: Boolean, description: 'Whether a process runs it now' }) readonly running!: boolean;
  @ApiProperty({ type: 'integer', minimum: 0, description: 'The newest record' }) readonly headSeq!: number;
  @ApiProperty({ type: 'integer', minimum: 0, description: 'The last record that was sent or passed over' })
  readonly cursorSeq!: number;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly lagRecords!: number;
  @ApiProperty({ type: 'number', minimum: 0, description: 'How old the oldest record is that was not sent' })
  readonly lagSeconds!: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) readonly lastSuccessAt!: string | null;
  @ApiProperty({ type: StreamErrorView, nullable: true }) readonly lastError!: StreamErrorView | null;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly deadLetters!: number;
  @ApiProperty({ type: [StreamHourView], description: 'The last week, oldest first; hours without a try are left out' })
  readonly hours!: readonly StreamHourView[];
}

export class TestAnswerView {
  @ApiProperty({ type: 'integer', nullable: true }) readonly httpStatus!: number | null;
  @ApiProperty({ type: String }) readonly body!: string;
}

export class LogStreamTest {
  @ApiProperty({ type: Boolean }) readonly delivered!: boolean;
  @ApiProperty({ type: TestAnswerView, nullable: true }) readonly answer!: TestAnswerView | null;
  @ApiProperty({ type: String, nullable: true, example: 'http_503' }) readonly error!: string | null;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly durationMs!: number;
}
