import { ApiProperty } from '@nestjs/swagger';
import { CheckedElsewhere, JsonObject, OneOf, Text } from '../../platform/rest/fields.js';
import { CATEGORIES, RISK_NAMES } from '../../policy-engine/classify/classify.js';

export const MAX_TOOLS = 2000;

const TOOLS = {
  description: 'Definitions as `tools/list` of the server has them; other members of a definition are not looked at',
  items: {
    type: 'object',
    additionalProperties: true,
    required: ['name'],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 1000 },
      title: { type: 'string' },
      description: { type: 'string' },
      inputSchema: { type: 'object', additionalProperties: true },
      annotations: { type: 'object', additionalProperties: true },
    },
  },
};

/** Definitions of tools to classify, and what is known of their server. */
export class ClassifyTools {
  @JsonObject({ optional: true, description: 'name and description of the server, both optional' })
  server?: object;

  @CheckedElsewhere(TOOLS, MAX_TOOLS)
  tools!: readonly unknown[];
}

export class ClassifiedToolView {
  @Text(0, 1000) name!: string;
  @OneOf(CATEGORIES) category!: string;
  @OneOf(RISK_NAMES, { description: 'It follows from the category' }) risk!: string;
  @ApiProperty({ type: Number, minimum: 0, maximum: 1 }) confidence!: number;
  @ApiProperty({ type: [String], description: 'Why, in words of the definition' }) evidence!: readonly string[];
  @ApiProperty({ type: [String], description: 'What else a person should know of the tool' })
  signals!: readonly string[];
  @ApiProperty({ type: 'integer', description: 'About how many tokens the definition takes' }) tokens!: number;
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'A whole policy for this tool alone' })
  recommendedPolicy!: object;
}

export class ClassificationView {
  @ApiProperty({ type: [ClassifiedToolView] }) tools!: readonly ClassifiedToolView[];
  @ApiProperty({ type: 'integer', description: 'About how many tokens all definitions take together' }) tokens!: number;
}
