import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches, ValidateIf } from 'class-validator';
import { Flag, OneOf, Text } from '../../../platform/rest/fields.js';
import { listQueryOf } from '../../../platform/rest/list-query.js';
import { PageView } from '../../../platform/rest/page.dto.js';
import { CATEGORIES, RISK_NAMES, type Category } from '../../../policy-engine/classify/classify.js';
import { POSTURES, type Posture } from '../../../policy-engine/classify/recommend.js';

const whenSent = ValidateIf((_object, value) => value !== undefined);
const HASH = '^[0-9a-f]{64}$';

/** The list of a server's tools is in memory: sorted and searched as those in SQL. */
export class ToolQuery extends listQueryOf(['name']) {}

export class UpdateTool {
  @Flag({
    optional: true,
    description: 'Calls of a disabled tool are refused under every policy, whatever later discoveries find',
  })
  disabled?: boolean;
}

/** What a member says that a tool can do, against what was found. */
export class OverruleCategory {
  @OneOf(CATEGORIES) category!: Category;
  @Text(1, 1000, { description: 'Why; it is on record' }) reason!: string;
}

/** What the server is to be used for. */
export class RecommendPolicy {
  @OneOf(POSTURES, {
    description:
      'read-only allows what only reads; balanced is what the catalog recommends; open allows all that a policy can ' +
      'name, with limits, and asks people before what can not be taken back and what moves money',
  })
  posture!: Posture;
}

export class RecommendedPolicyView {
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'A whole policy; nobody has stored it' })
  readonly document!: object;
  @ApiProperty({ type: String, description: 'What it allows, limits, asks about and refuses, in words' })
  readonly explanation!: string;
}

export class AcceptTool {
  @ApiPropertyOptional({
    type: String,
    pattern: HASH,
    description: 'The definition that you looked at; the answer is 409 when the tool has another one by now',
  })
  @whenSent
  @Matches(new RegExp(HASH))
  definitionHash?: string;
}

export class DifferenceView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the definition' }) readonly pointer!: string;
  @ApiPropertyOptional({ description: 'Absent where there was nothing', type: Object }) readonly before?: unknown;
  @ApiPropertyOptional({ description: 'Absent where there is nothing any more', type: Object })
  readonly after?: unknown;
  @ApiProperty({
    type: String,
    description: 'The difference in one line, [-gone-] and {+new+}; characters that can not be seen are spelled out',
  })
  readonly text!: string;
}

export class ToolChangeView {
  @ApiProperty({ type: String, description: 'The definition that these policies pin' }) readonly pinnedHash!: string;
  @ApiProperty({ type: [String], description: 'The policies that refuse the tool for it' })
  readonly policyIds!: readonly string[];
  @ApiProperty({
    type: [DifferenceView],
    description: 'From the pinned definition to the one of now; at most 100 places',
  })
  readonly diff!: readonly DifferenceView[];
}

/** What was found of a tool before a member said otherwise, and why. */
export class OverruledView {
  @OneOf(CATEGORIES) readonly found!: Category;
  @ApiProperty({ type: String }) readonly reason!: string;
}

export class ToolView {
  @ApiProperty({ type: String }) readonly name!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'That of the server; also the ETag' })
  readonly version!: number;
  @ApiProperty({ type: String, nullable: true }) readonly title!: unknown;
  @ApiProperty({ type: String, nullable: true }) readonly description!: unknown;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) readonly inputSchema!: unknown;
  @ApiPropertyOptional({ type: 'object', additionalProperties: true }) readonly outputSchema?: unknown;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) readonly annotations!: unknown;
  @ApiProperty({
    type: String,
    description: 'SHA-256 over name, title, description, schemas and annotations, as last seen',
  })
  readonly definitionHash!: string;
  @Flag() readonly disabled!: boolean;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The definition that the policies of this server pin; null when none does',
  })
  readonly pinnedHash!: string | null;
  @Flag({ description: 'Whether a policy refuses the tool because its definition changed' }) readonly changed!: boolean;
  @ApiProperty({ type: [ToolChangeView] }) readonly changes!: readonly ToolChangeView[];
  @OneOf(CATEGORIES, { description: 'What the tool can do, by its definition or as a member says' })
  readonly category!: Category;
  @OneOf(RISK_NAMES, { description: 'It follows from the category' }) readonly risk!: string;
  @ApiProperty({ type: [String], description: 'Why, in words of the definition' })
  readonly evidence!: readonly string[];
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'A whole policy for this tool alone' })
  readonly recommendedPolicy!: object;
  @ApiProperty({ type: OverruledView, nullable: true, description: 'null while nobody overruled what was found' })
  readonly overruled!: OverruledView | null;
}

export class ToolPage extends PageView {
  @ApiProperty({ type: [ToolView] }) readonly items!: readonly ToolView[];
}
