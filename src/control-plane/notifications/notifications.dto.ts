import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength, ValidateIf } from 'class-validator';
import { EMAILS, Flag, Instant, ListOf } from '../../platform/rest/fields.js';

const MAX_EMAILS = 10;

export class UpdateAlarmNotifications {
  @ApiPropertyOptional({
    type: String,
    format: 'uri',
    maxLength: 2048,
    nullable: true,
    description: 'Gets signed POSTs (Standard Webhooks) about alarms; none unless given',
  })
  @ValidateIf((_object, value) => value !== undefined && value !== null)
  @IsString()
  @MaxLength(2048)
  webhook?: string | null;

  @Flag({ optional: true, description: 'Replaces the signing secret of the webhook' })
  newSecret?: boolean;

  @ListOf(EMAILS, MAX_EMAILS, { optional: true, description: 'Get a mail about alarms; nobody unless given' })
  emails?: readonly string[];
}

/** How one notification fared. */
export class AlarmDeliveryView {
  @ApiProperty({ type: String, example: 'logStream.suspended' }) readonly type!: string;
  @ApiProperty({ type: String, description: 'The id of what the alarm is about' }) readonly subjectId!: string;
  @Instant() readonly time!: string;
  @ApiProperty({
    enum: ['delivered', 'pending', 'failed', 'skipped'],
    description: 'pending: it is tried again; skipped: nobody was left to tell',
  })
  readonly status!: string;
  @ApiProperty({ type: String, nullable: true }) readonly detail!: string | null;
}

export class AlarmNotificationsView {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Counts the changes; also the ETag' })
  readonly version!: number;
  @ApiProperty({ type: String, nullable: true }) readonly webhook!: string | null;
  @ApiProperty({ type: [String] }) readonly emails!: readonly string[];
  @Flag({ description: 'Whether this installation sends mail: without SMTP_URL, addresses get nothing' })
  readonly sendsMail!: boolean;
  @ApiProperty({ type: AlarmDeliveryView, nullable: true, description: 'How the newest one fared' })
  readonly lastWebhook!: AlarmDeliveryView | null;
  @ApiProperty({ type: AlarmDeliveryView, nullable: true }) readonly lastMail!: AlarmDeliveryView | null;
}

export class AlarmNotificationsWithSecret extends AlarmNotificationsView {
  @ApiPropertyOptional({ type: String, example: 'whsec_…', description: 'Shown when it is made, this once' })
  readonly webhookSecret?: string;
}
