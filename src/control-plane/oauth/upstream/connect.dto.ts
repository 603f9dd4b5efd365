import { ApiProperty } from '@nestjs/swagger';
import { Instant, OneOf } from '../../../platform/rest/fields.js';

export class ConnectView {
  @ApiProperty({
    type: String,
    format: 'uri',
    description: 'Open it in a browser in which an admin is signed in; good once, for 10 minutes',
  })
  readonly authorizationUrl!: string;
}

export class ConnectionView {
  @ApiProperty({ type: String, nullable: true, description: 'null: the account is that of the server' })
  readonly identityId!: string | null;
  @OneOf(['connected', 'needs_sign_in']) readonly status!: string;
  @ApiProperty({ type: String, nullable: true, description: 'The authorization server that it is signed in at' })
  readonly account!: string | null;
  @ApiProperty({ type: [String] }) readonly scopes!: readonly string[];
  @Instant({ nullable: true }) readonly expiresAt!: string | null;
}

export class ConnectionList {
  @ApiProperty({ type: [ConnectionView] }) readonly items!: readonly ConnectionView[];
}
