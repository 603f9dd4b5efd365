import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Email, IdOf, OneOf, SecretText, Text } from '../../platform/rest/fields.js';
import { OrganizationSummaryView } from './organizations.dto.js';
import { PASSWORD_LENGTH } from './passwords.js';
import { SESSION_DAYS } from './sessions.js';

export class SignUp {
  @Email() email!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password!: string;
  @Text(1, 200) organizationName!: string;
}

export class LogIn {
  @Email() email!: string;
  @SecretText(1, PASSWORD_LENGTH.max) password!: string;
  @IdOf('org', {
    optional: true,
    description: 'The organization to sign in to; without it, the one that you joined first',
  })
  organizationId?: string;
  @Text(6, 20, { optional: true, description: 'The code of your second factor, or a recovery code, if you have one' })
  code?: string;
}

export class UserView {
  @IdOf('usr') readonly id!: string;
  @Email() readonly email!: string;
}

export class SignedInView {
  @ApiProperty({ type: OrganizationSummaryView }) readonly organization!: OrganizationSummaryView;
  @ApiProperty({ type: UserView }) readonly user!: UserView;
  @ApiProperty({ type: String, description: `Bearer of a session of ${SESSION_DAYS} days; shown once` })
  readonly token!: string;
}

export class OrganizationNameView {
  @IdOf('org') readonly id!: string;
  @Text(1, 200) readonly name!: string;
}

export class ApiKeyNameView {
  @IdOf('key') readonly id!: string;
  @Text(1, 200) readonly name!: string;
}

export class MeView {
  @ApiProperty({ type: UserView, nullable: true, description: 'null for an API key' }) readonly user!: UserView | null;
  @ApiProperty({ type: OrganizationNameView }) readonly organization!: OrganizationNameView;
  @OneOf(MEMBER_ROLES) readonly role!: MemberRole;
  @ApiPropertyOptional({ type: ApiKeyNameView }) readonly apiKey?: ApiKeyNameView;
}
