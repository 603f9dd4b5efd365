import { ApiProperty } from '@nestjs/swagger';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Email, IdOf, Instant, OneOf, SecretText, Text } from '../../platform/rest/fields.js';
import { INVITATION_DAYS } from './invitations.js';
import { PASSWORD_LENGTH } from './passwords.js';

export class CreateInvitation {
  @Email() email!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
}

export class AcceptInvitation {
  @Text(1, 300) token!: string;
  @SecretText(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max, {
    description: 'Your new password, or the one of the account that your e-mail address already has',
  })
  password!: string;
}

export class InvitationView {
  @IdOf('inv') readonly id!: string;
  @Email() readonly email!: string;
  @OneOf(MEMBER_ROLES) readonly role!: MemberRole;
  @Instant() readonly expiresAt!: string;
}

export class InvitationWithToken extends InvitationView {
  @ApiProperty({
    type: String,
    description: `What the invited person accepts with, once, within ${INVITATION_DAYS} days; shown once`,
  })
  readonly token!: string;
}
