import { ApiProperty } from '@nestjs/swagger';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Email, IdOf, Instant, OneOf } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';

export class UpdateMember {
  @OneOf(MEMBER_ROLES) role!: MemberRole;
}

/** A member; the id is the user's. */
export class MemberView {
  @IdOf('usr') readonly id!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the changes; also the ETag' })
  readonly version!: number;
  @Email() readonly email!: string;
  @OneOf(MEMBER_ROLES) readonly role!: MemberRole;
  @Instant() readonly joinedAt!: string;
}

export class MemberPage extends PageView {
  @ApiProperty({ type: [MemberView] }) readonly items!: readonly MemberView[];
}

export class MemberQuery extends listQueryOf(['email', 'role', 'joinedAt']) {}
