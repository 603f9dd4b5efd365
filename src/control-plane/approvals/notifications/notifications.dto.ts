import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength, ValidateIf } from 'class-validator';
import { EMAILS, Flag, ListOf } from '../../../platform/rest/fields.js';

const MAX_EMAILS = 10;

export class UpdateNotifications {
  @ApiPropertyOptional({
    type: String,
    format: 'uri',
    maxLength: 2048,
    nullable: true,
    description:
      'Gets signed POSTs (Standard Webhooks) when an approval is requested, decided or expires; none unless given',
  })
  @ValidateIf((_object, value) => value !== undefined && value !== null)
  @IsString()
  @MaxLength(2048)
  webhookUrl?: string | null;

  @Flag({ optional: true, description: 'Replaces the signing secret of the webhook' })
  newSecret?: boolean;

  @ListOf(EMAILS, MAX_EMAILS, {
    optional: true,
    description: 'Get a mail when an approval is requested; nobody unless given. Wants SMTP_URL on this installation.',
  })
  emails?: readonly string[];
}

export class DeliveryView {
  @ApiProperty({ type: String }) readonly approvalId!: string;
  @ApiProperty({ type: String, format: 'date-time' }) readonly time!: string;
  @ApiProperty({
    enum: ['delivered', 'pending', 'failed', 'skipped'],
    description: 'pending: it is tried again; skipped: there was nothing left to tell',
  })
  readonly status!: string;
  @ApiProperty({ type: String, nullable: true }) readonly detail!: string | null;
}

export class NotificationsView {
  @ApiProperty({ type: 'integer', minimum: 0, description: 'Counts the changes; also the ETag' })
  readonly version!: number;
  @ApiProperty({ type: String, nullable: true }) readonly webhookUrl!: string | null;
  @ApiProperty({ type: [String] }) readonly emails!: readonly string[];
  @ApiProperty({ type: DeliveryView, nullable: true, description: 'How the newest one fared' })
  readonly lastWebhook!: DeliveryView | null;
  @ApiProperty({ type: DeliveryView, nullable: true }) readonly lastMail!: DeliveryView | null;
}

export class NotificationsWithSecret extends NotificationsView {
  @ApiPropertyOptional({ type: String, example: 'whsec_…', description: 'Shown when it is made, this once' })
  readonly webhookSecret?: string;
}
