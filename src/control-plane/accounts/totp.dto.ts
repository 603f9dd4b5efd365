import { ApiProperty } from '@nestjs/swagger';
import { Flag, SecretText, Text } from '../../platform/rest/fields.js';
import { PASSWORD_LENGTH } from './passwords.js';

const CODE = 'A code of your authenticator, or a recovery code';

export class CreateSecondFactor {
  @SecretText(1, PASSWORD_LENGTH.max, { description: 'Your password' }) current!: string;
}

export class SecondFactorCode {
  @Text(6, 20, { description: CODE }) code!: string;
}

export class SecondFactorSecretView {
  @ApiProperty({ type: String, description: 'For an authenticator (RFC 6238), in Base32; shown once' })
  readonly secret!: string;
  @ApiProperty({ type: String, format: 'uri', description: 'The same for a QR code' }) readonly uri!: string;
}

export class RecoveryCodesView {
  @ApiProperty({ type: [String], description: 'Each signs in once in the place of a code; shown once' })
  readonly recoveryCodes!: readonly string[];
}

export class SecondFactorView {
  @Flag({ description: 'Whether signing in asks for a code' }) readonly enabled!: boolean;
  @ApiProperty({ type: 'integer', minimum: 0 }) readonly recoveryCodesLeft!: number;
}
