import { ApiProperty } from '@nestjs/swagger';
import { Email, LongText, Text } from '../../../platform/rest/fields.js';

/** How long a message may be: it comes from anybody, and goes into a mail. */
export const MAX_MESSAGE_LENGTH = 4000;

export class SendContactMessage {
  @Text(0, 100, { optional: true }) name?: string;
  @Email({ description: 'Where the answer goes' }) email!: string;
  @LongText(1, MAX_MESSAGE_LENGTH) message!: string;
}

export class ContactMessageView {
  @ApiProperty({ enum: ['sent'] }) readonly status!: 'sent';
}
