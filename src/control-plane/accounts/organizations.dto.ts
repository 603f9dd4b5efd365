import { Flag, IdOf, Instant, Text } from '../../platform/rest/fields.js';

export class UpdateOrganization {
  @Flag({
    optional: true,
    description: 'Refuses every call of the organization through /mcp and closes its streams; the API works on',
  })
  disabled?: boolean;
}

export class OrganizationView {
  @IdOf('org') readonly id!: string;
  @Text(1, 200) readonly name!: string;
  @Flag() readonly disabled!: boolean;
  @Instant() readonly createdAt!: string;
}
