import { ApiProperty } from '@nestjs/swagger';
import { ActorView } from '../../platform/rest/actor.dto.js';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Email, IdOf, Instant, OneOf, SecretText, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';
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
  @Text(6, 20, { optional: true, description: 'The code of your second factor, if your account has one' })
  code?: string;
}

export class InvitationView {
  @IdOf('inv') readonly id!: string;
  @Email() readonly email!: string;
  @OneOf(MEMBER_ROLES) readonly role!: MemberRole;
  @ApiProperty({ type: ActorView, description: 'The invitation ends with the right of this member to invite' })
  readonly invitedBy!: ActorView;
  @Instant() readonly createdAt!: string;
  @Instant() readonly expiresAt!: string;
}

export class InvitationQuery extends listQueryOf(['email', 'role', 'createdAt', 'expiresAt']) {}

export class InvitationPage extends PageView {
  @ApiProperty({ type: [InvitationView] }) readonly items!: readonly InvitationView[];
}

export class InvitationWithToken extends InvitationView {
  @ApiProperty({
    type: String,
    description: `What the invited person accepts with, once, within ${INVITATION_DAYS} days; shown once`,
  })
  readonly token!: string;
}
