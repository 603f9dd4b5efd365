import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, isEmail, IsString, MaxLength, ValidateBy, ValidateIf } from 'class-validator';
import { Flag } from '../../rest/fields.js';

const MOST_EMAILS = 10;
const isAddress = (value: unknown): boolean => typeof value === 'string' && value.length <= 254 && !/\p{Cs}/u.test(value) && isEmail(value);

export class NotificationsBody {
  @ApiPropertyOptional({ type: String, format: 'uri', maxLength: 2048, nullable: true, description: 'Gets signed POSTs (Standard Webhooks) when an approval is requested, decided or expires; none unless given' })
  @ValidateIf((_object, value) => value !== undefined && value !== null)
  @IsString()
  @MaxLength(2048)
  webhookUrl?: string | null;

  @Flag({ optional: true, description: 'Replaces the signing secret of the webhook' })
  newSecret?: boolean;

  @ApiPropertyOptional({ type: [String], maxItems: MOST_EMAILS, description: 'Get a mail when an approval is requested; nobody unless given. Wants SMTP_URL on this installation.' })
  @ValidateIf((_object, value) => value !== undefined)
  @IsArray()
  @ArrayMaxSize(MOST_EMAILS)
  @ArrayUnique()
  @ValidateBy({ name: 'isEmail', validator: { validate: isAddress, defaultMessage: () => 'emails must be e-mail addresses' } }, { each: true })
  emails?: readonly string[];
}

export class DeliveryView {
  @ApiProperty({ type: String }) readonly approvalId!: string;
  @ApiProperty({ type: String, format: 'date-time' }) readonly time!: string;
  @ApiProperty({ enum: ['delivered', 'pending', 'failed', 'skipped'], description: 'pending: it is tried again; skipped: there was nothing left to tell' }) readonly status!: string;
  @ApiProperty({ type: String, nullable: true }) readonly detail!: string | null;
}

export class NotificationsView {
  @ApiProperty({ type: String, nullable: true }) readonly webhookUrl!: string | null;
  @ApiProperty({ type: [String] }) readonly emails!: readonly string[];
  @ApiProperty({ type: DeliveryView, nullable: true, description: 'How the newest one fared' }) readonly lastWebhook!: DeliveryView | null;
  @ApiProperty({ type: DeliveryView, nullable: true }) readonly lastMail!: DeliveryView | null;
}

export class NotificationsWithSecret extends NotificationsView {
  @ApiPropertyOptional({ type: String, example: 'whsec_…', description: 'Shown when it is made, this once' }) readonly webhookSecret?: string;
}
