import { Text } from '../../../platform/rest/fields.js';

export class ScheduleDeletion {
  @Text(1, 200, { description: 'The name of the organization, as a confirmation' }) organizationName!: string;
}
