import { ApiProperty } from '@nestjs/swagger';
import { ActorView } from '../../platform/rest/actor.dto.js';
import { MEMBER_ROLES, type MemberRole } from '../../platform/rest/allowed.js';
import { IdOf, Instant, OneOf, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';

export class CreateApiKey {
  @Text(1, 200) name!: string;
  @OneOf(MEMBER_ROLES) role!: MemberRole;
  @Instant({ nullable: true, description: 'When the key ends; without it, never' }) expiresAt?: string | null;
}

export class ApiKeyView {
  @IdOf('key') readonly id!: string;
  @Text(1, 200) readonly name!: string;
  @OneOf(MEMBER_ROLES) readonly role!: MemberRole;
  @ApiProperty({
    type: ActorView,
    description: 'The key ends when this member is removed, or gets a role that may do less than the key',
  })
  readonly issuedBy!: ActorView;
  @Instant() readonly createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'To the minute' })
  readonly lastUsedAt!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) readonly expiresAt!: string | null;
}

export class ApiKeyWithSecret extends ApiKeyView {
  @ApiProperty({ type: String, description: 'The key itself; shown once' }) readonly secret!: string;
}

export class ApiKeyQuery extends listQueryOf(['name', 'role', 'createdAt', 'lastUsedAt', 'expiresAt']) {}

export class ApiKeyPage extends PageView {
  @ApiProperty({ type: [ApiKeyView] }) readonly items!: readonly ApiKeyView[];
}
