import { ApiProperty } from '@nestjs/swagger';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { Flag, IdOf, Instant, OneOf, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';

export class CreateOwnOrganization {
  @Text(1, 200) organizationName!: string;
}

/** An organization that the caller is a member of. */
export class OwnOrganizationView {
  @IdOf('org') readonly id!: string;
  @Text(1, 200) readonly name!: string;
  @OneOf(MEMBER_ROLES, { description: 'The role of the caller there' }) readonly role!: MemberRole;
  @Flag({ description: 'Whether this request is about it' }) readonly current!: boolean;
  @Instant() readonly joinedAt!: string;
}

export class OwnOrganizationQuery extends listQueryOf(['name', 'role', 'joinedAt']) {}

export class OwnOrganizationPage extends PageView {
  @ApiProperty({ type: [OwnOrganizationView] }) readonly items!: readonly OwnOrganizationView[];
}
