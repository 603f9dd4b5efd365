import { ApiProperty } from '@nestjs/swagger';
import { Email, Instant, SecretText, Text } from '../../platform/rest/fields.js';
import { PASSWORD_LENGTH } from './passwords.js';

export class ChangePassword {
  @SecretText(1, PASSWORD_LENGTH.max) current!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password!: string;
}

export class RequestPasswordReset {
  @Email() email!: string;
}

export class ConfirmPasswordReset {
  @Text(1, 300, { description: 'The token of the link' }) token!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password!: string;
}

export class PasswordResetRequestView {
  @ApiProperty({ enum: ['accepted'], description: 'The same for every address, whether it has an account or not' })
  readonly status!: 'accepted';
}

export class PasswordResetView {
  @ApiProperty({ type: String, description: 'What sets the new password, once; shown once' }) readonly token!: string;
  @ApiProperty({ type: String, format: 'uri', description: 'The page that takes it' }) readonly url!: string;
  @Instant() readonly expiresAt!: string;
}
