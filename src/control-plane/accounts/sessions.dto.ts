import { ApiProperty } from '@nestjs/swagger';
import { Flag, IdOf, Instant, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';

export class SessionView {
  @IdOf('ses') readonly id!: string;
  @IdOf('org') readonly organizationId!: string;
  @Text(1, 200) readonly organizationName!: string;
  @Flag({ description: 'Whether this request uses it' }) readonly current!: boolean;
  @Instant() readonly createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'To the minute' })
  readonly lastUsedAt!: string | null;
  @Instant() readonly expiresAt!: string;
}

export class SessionQuery extends listQueryOf(['organizationName', 'createdAt', 'lastUsedAt', 'expiresAt']) {}

export class SessionPage extends PageView {
  @ApiProperty({ type: [SessionView] }) readonly items!: readonly SessionView[];
}
