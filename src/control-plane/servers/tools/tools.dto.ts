import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches, ValidateBy, ValidateIf } from 'class-validator';
import { Flag, QueryWhole } from '../../../platform/rest/fields.js';

const whenSent = ValidateIf((_object, value) => value !== undefined);
const HASH = '^[0-9a-f]{64}$';

/** Like every list's query; its cursors hold tool names, which may be any text. */
export class ToolsQuery {
  @QueryWhole(1, 1000, { description: 'How many items at most; 100 unless told' }) limit?: number;
  @ApiPropertyOptional({ type: String, description: 'The nextCursor of the page before' })
  @whenSent
  @ValidateBy({
    name: 'isCursor',
    validator: {
      validate: (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{0,4000}$/.test(value),
      defaultMessage: () => 'after must be a nextCursor of this list',
    },
  })
  after?: string;
}

export class ToolPatchBody {
  @Flag({
    optional: true,
    description: 'Calls of a disabled tool are refused under every policy, whatever later discoveries find',
  })
  disabled?: boolean;
}

export class AcceptBody {
  @ApiPropertyOptional({
    type: String,
    pattern: HASH,
    description: 'The definition that you looked at; the answer is 409 when the tool has another one by now',
  })
  @whenSent
  @Matches(new RegExp(HASH))
  definitionHash?: string;
}

export class DifferenceAnswer {
  @ApiProperty({ type: String, description: 'JSON Pointer into the definition' }) pointer!: string;
  @ApiPropertyOptional({ description: 'Absent where there was nothing', type: Object }) before?: unknown;
  @ApiPropertyOptional({ description: 'Absent where there is nothing any more', type: Object }) after?: unknown;
  @ApiProperty({
    type: String,
    description: 'The difference in one line, [-gone-] and {+new+}; characters that can not be seen are spelled out',
  })
  text!: string;
}

export class ToolChangeAnswer {
  @ApiProperty({ type: String, description: 'The definition that these policies pin' }) pinnedHash!: string;
  @ApiProperty({ type: [String], description: 'The policies that refuse the tool for it' })
  policyIds!: readonly string[];
  @ApiProperty({
    type: [DifferenceAnswer],
    description: 'From the pinned definition to the one of now; at most 100 places',
  })
  diff!: readonly DifferenceAnswer[];
}

export class ToolAnswer {
  @ApiProperty({ type: String }) name!: string;
  @ApiProperty({ type: String, nullable: true }) title!: string | null;
  @ApiProperty({ type: String, nullable: true }) description!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) inputSchema!: object | null;
  @ApiPropertyOptional({ type: 'object', additionalProperties: true }) outputSchema?: object;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) annotations!: object | null;
  @ApiProperty({
    type: String,
    description: 'SHA-256 over name, title, description, schemas and annotations, as last seen',
  })
  definitionHash!: string;
  @Flag() disabled!: boolean;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The definition that the policies of this server pin; null when none does',
  })
  pinnedHash!: string | null;
  @Flag({ description: 'Whether a policy refuses the tool because its definition changed' }) changed!: boolean;
  @ApiProperty({ type: [ToolChangeAnswer] }) changes!: readonly ToolChangeAnswer[];
  @ApiProperty({ type: String, nullable: true, description: 'null until the catalog exists' }) category!: null;
  @ApiProperty({ type: String, nullable: true }) risk!: null;
  @ApiProperty({ type: String, nullable: true }) evidence!: null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) recommendedPolicy!: null;
}

export class ToolPage {
  @ApiProperty({ type: [ToolAnswer] }) items!: readonly ToolAnswer[];
  @ApiProperty({ type: String, nullable: true }) nextCursor!: string | null;
  @ApiProperty({ type: Boolean }) hasMore!: boolean;
}
