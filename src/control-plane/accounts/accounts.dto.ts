import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ActorAnswer } from '../../platform/rest/actor.dto.js';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Email, Flag, IdOf, Instant, OneOf, SecretText, Text } from '../../platform/rest/fields.js';
import { INVITATION_DAYS } from './invitations.js';
import { PASSWORD_LENGTH } from './passwords.js';
import { SESSION_DAYS } from './sessions.js';

export class SignUpBody {
  @Email() email!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password!: string;
  @Text(1, 200) organizationName!: string;
}

export class LoginBody {
  @Email() email!: string;
  @SecretText(1, PASSWORD_LENGTH.max) password!: string;
  @IdOf('org', {
    optional: true,
    description: 'The organization to sign in to; without it, the one that you joined first',
  })
  organizationId?: string;
}

export class ApiKeyBody {
  @Text(1, 200) name!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @Instant({ nullable: true, description: 'When the key ends; without it, never' }) expiresAt?: string | null;
}

export class RoleBody {
  @OneOf(MEMBER_ROLES) role!: MemberRole;
}

export class InvitationBody {
  @Email() email!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
}

export class AcceptanceBody {
  @Text(1, 300) token!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max, {
    description: 'Your new password, or the one of the account that your e-mail address already has',
  })
  password!: string;
}

export class OrganizationChange {
  @Flag({
    optional: true,
    description: 'Refuses every call of the organization through /mcp and closes its streams; the API works on',
  })
  disabled?: boolean;
}

export class OrganizationAnswer {
  @IdOf('org') id!: string;
  @Text(1, 200) name!: string;
  @Flag() disabled!: boolean;
  @Instant() createdAt!: string;
}

export class UserAnswer {
  @IdOf('usr') id!: string;
  @Email() email!: string;
}

export class SignedInAnswer {
  @ApiProperty({ type: OrganizationAnswer }) organization!: OrganizationAnswer;
  @ApiProperty({ type: UserAnswer }) user!: UserAnswer;
  @ApiProperty({ type: String, description: `Bearer of a session of ${SESSION_DAYS} days; shown once` }) token!: string;
}

export class OrganizationName {
  @IdOf('org') id!: string;
  @Text(1, 200) name!: string;
}

export class ApiKeyName {
  @IdOf('key') id!: string;
  @Text(1, 200) name!: string;
}

export class MeAnswer {
  @ApiProperty({ type: UserAnswer, nullable: true, description: 'null for an API key' }) user!: UserAnswer | null;
  @ApiProperty({ type: OrganizationName }) organization!: OrganizationName;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @ApiPropertyOptional({ type: ApiKeyName }) apiKey?: ApiKeyName;
}

export class ApiKeyAnswer {
  @IdOf('key') id!: string;
  @Text(1, 200) name!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @ApiProperty({
    type: ActorAnswer,
    description: 'The key ends when this member is removed, or gets a role that may less than the key',
  })
  issuedBy!: ActorAnswer;
  @Instant() createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) expiresAt!: string | null;
}

export class IssuedApiKeyAnswer extends ApiKeyAnswer {
  @ApiProperty({ type: String, description: 'The key itself; shown once' }) secret!: string;
}

export class MemberAnswer {
  @IdOf('usr') id!: string;
  @Email() email!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @Instant() joinedAt!: string;
}

export class InvitationAnswer {
  @IdOf('inv') id!: string;
  @Email() email!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @Instant() expiresAt!: string;
  @ApiProperty({
    type: String,
    description: `What the invited person accepts with, once, within ${INVITATION_DAYS} days; shown once`,
  })
  token!: string;
}

class PageAnswer {
  @ApiProperty({ type: String, nullable: true }) nextCursor!: string | null;
  @ApiProperty({ type: Boolean }) hasMore!: boolean;
}

export class ApiKeyPage extends PageAnswer {
  @ApiProperty({ type: [ApiKeyAnswer] }) items!: readonly ApiKeyAnswer[];
}

export class MemberPage extends PageAnswer {
  @ApiProperty({ type: [MemberAnswer] }) items!: readonly MemberAnswer[];
}
