import { ApiProperty } from '@nestjs/swagger';
import { Flag, IdOf, Instant, Text } from '../../platform/rest/fields.js';

export class UpdateOrganization {
  @Flag({
    optional: true,
    description: 'Refuses every call of the organization through /mcp and closes its streams; the API works on',
  })
  disabled?: boolean;
}

/** An organization as sign-in answers it; `GET /v1/organization` has its version too. */
export class OrganizationSummaryView {
  @IdOf('org') readonly id!: string;
  @Text(1, 200) readonly name!: string;
  @Flag() readonly disabled!: boolean;
  @Instant() readonly createdAt!: string;
  @Instant({ nullable: true, description: 'When it will be deleted; null: never' }) readonly deletesAt!: string | null;
}

export class OrganizationView extends OrganizationSummaryView {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the changes; also the ETag' })
  readonly version!: number;
}
