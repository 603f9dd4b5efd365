import { ApiProperty } from '@nestjs/swagger';
import { Flag, IdOf, JsonObject, OneOf, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { IDENTITY_SORTS } from './identities.store.js';
import { PageView } from '../../platform/rest/page.dto.js';
import { IDENTITY_KINDS, type Attributes, type IdentityKind } from './identities.js';

const ATTRIBUTES =
  'Flat: texts, numbers, booleans and nulls; at most 50 keys and 8 KiB. Policies read them as identity.attributes.x';

export class IdentityQuery extends listQueryOf(IDENTITY_SORTS) {}

export class CreateIdentity {
  @Text(1, 200)
  name!: string;

  @OneOf(IDENTITY_KINDS)
  kind!: IdentityKind;

  @IdOf('usr', { nullable: true, description: 'The member of the organization that this identity is' })
  memberId?: string | null;

  @Text(1, 200, { nullable: true, description: 'Your own id for it; unique in the organization' })
  externalId?: string | null;

  @JsonObject({ optional: true, description: ATTRIBUTES })
  attributes?: Attributes;
}

export class UpdateIdentity {
  @Text(1, 200, { optional: true })
  name?: string;

  @IdOf('usr', { nullable: true })
  memberId?: string | null;

  @Text(1, 200, { nullable: true })
  externalId?: string | null;

  @JsonObject({ optional: true, description: `Replaces all attributes. ${ATTRIBUTES}` })
  attributes?: Attributes;

  @Flag({ optional: true, description: 'Calls of a disabled identity are refused' })
  disabled?: boolean;
}

export class IdentityView {
  @ApiProperty({ type: String, example: 'idn_01h2xcejqtf2nbrexx3vqjhp41' })
  readonly id!: string;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the changes; also the ETag' })
  readonly version!: number;

  @ApiProperty({ type: String })
  readonly name!: string;

  @ApiProperty({ enum: IDENTITY_KINDS })
  readonly kind!: IdentityKind;

  @ApiProperty({ type: String, nullable: true })
  readonly memberId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly externalId!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly attributes!: Attributes;

  @ApiProperty({ type: Boolean })
  readonly disabled!: boolean;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly createdAt!: string;
}

export class IdentityPage extends PageView {
  @ApiProperty({ type: [IdentityView] })
  readonly items!: readonly IdentityView[];
}
