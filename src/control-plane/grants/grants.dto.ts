import { ApiProperty } from '@nestjs/swagger';
import { Flag, IdOf, Instant, OneOf, Text, Whole } from '../../platform/rest/fields.js';
import { PageView } from '../../platform/rest/page.dto.js';
import { ActorView } from '../../platform/rest/actor.dto.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { GRANT_SORTS } from './grants.store.js';
import type { ClientConfig } from './client-config.js';
import { GRANT_STATUSES, type GrantStatus } from './grants.js';

export class CreateGrant {
  @IdOf('idn')
  identityId!: string;

  @IdOf('srv')
  serverId!: string;

  @IdOf('pol', { nullable: true, description: 'A policy of this server; without one every call is refused' })
  policyId?: string | null;

  @IdOf('pol', {
    nullable: true,
    description:
      'A second policy of this server, judged beside the first; where its answer differs, the decision says so',
  })
  shadowPolicyId?: string | null;

  @Text(1, 200, { nullable: true })
  label?: string | null;

  @Instant({ nullable: true, description: 'A time in the future; without one the grant lives until it is revoked' })
  expiresAt?: string | null;
}

export class UpdateGrant {
  @IdOf('pol', { nullable: true, description: 'null takes the policy away: every call is refused' })
  policyId?: string | null;

  @IdOf('pol', { nullable: true, description: 'null ends the shadow' })
  shadowPolicyId?: string | null;

  @Text(1, 200, { nullable: true, description: 'admin only' })
  label?: string | null;

  @Instant({ nullable: true, description: 'admin only; null: the grant does not expire' })
  expiresAt?: string | null;

  @Flag({ optional: true, description: 'admin only; calls of a disabled grant are refused and its streams close' })
  disabled?: boolean;
}

export class RotateGrant {
  @Whole(0, 86_400, { optional: true, description: 'How long the old token still works, in seconds; 0 unless told' })
  graceSeconds?: number;
}

export class GrantQuery extends listQueryOf(GRANT_SORTS) {
  @IdOf('idn', { optional: true })
  identityId?: string;

  @IdOf('srv', { optional: true })
  serverId?: string;

  @IdOf('pol', { optional: true })
  policyId?: string;

  @OneOf(GRANT_STATUSES, { optional: true })
  status?: GrantStatus;
}

/** A token of a grant that still lives. */
export class LiveTokenView {
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null: it has no end' })
  readonly expiresAt!: string | null;
}

export class GrantView {
  @ApiProperty({ type: String, example: 'grt_01h2xcejqtf2nbrexx3vqjhp41' })
  readonly id!: string;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the changes; also the ETag' })
  readonly version!: number;

  @ApiProperty({ type: String })
  readonly identityId!: string;

  @ApiProperty({ type: String })
  readonly identityName!: string;

  @ApiProperty({ type: String })
  readonly serverId!: string;

  @ApiProperty({ type: String })
  readonly serverName!: string;

  @ApiProperty({ type: String, nullable: true })
  readonly policyId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly policyName!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Judged beside policyId; never decides' })
  readonly shadowPolicyId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly label!: string | null;

  @ApiProperty({
    enum: GRANT_STATUSES,
    description: 'disabled: the grant, its identity, its server or the organization is',
  })
  readonly status!: GrantStatus;

  @ApiProperty({ type: Boolean, description: 'Whether the grant itself is' })
  readonly disabled!: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly expiresAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly createdAt!: string;

  @ApiProperty({
    enum: ['token', 'oauth'],
    description: 'oauth: a member signed a client in, which renews its tokens by itself',
  })
  readonly via!: 'token' | 'oauth';

  @ApiProperty({ type: String, nullable: true, description: 'What the client of a sign-in calls itself' })
  readonly clientName!: string | null;

  @ApiProperty({ type: ActorView })
  readonly createdBy!: ActorView;

  @ApiProperty({ type: [LiveTokenView], description: 'The tokens that still live, the current one first' })
  readonly tokens!: readonly LiveTokenView[];

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lastUsedAt!: string | null;

  @ApiProperty({ type: String, format: 'uri' })
  readonly mcpUrl!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The mcpServers JSON to paste into a client',
  })
  readonly clientConfig!: ClientConfig;
}

export class GrantWithToken extends GrantView {
  @ApiProperty({ type: String, description: 'Shown this once; only its hash is kept' })
  readonly token!: string;
}

export class GrantPage extends PageView {
  @ApiProperty({ type: [GrantView] })
  readonly items!: readonly GrantView[];
}
