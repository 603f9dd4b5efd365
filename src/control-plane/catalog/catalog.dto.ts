import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { CheckedElsewhere, JsonObject, OneOf, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';
import { CATEGORIES, RISK_NAMES, type Category, type Risk } from '../../policy-engine/classify/classify.js';
import { CATALOG_SORTS, CATALOG_TRANSPORTS } from './catalog-list.js';

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

/** What a list of the catalog is asked for; `q` are words, and words with typos find as well. */
export class CatalogServerQuery extends listQueryOf(CATALOG_SORTS) {
  @OneOf(CATEGORIES, { optional: true, description: 'Servers with at least one tool of this category' })
  category?: Category;

  @OneOf(RISK_NAMES, { optional: true, description: 'Servers with at least one tool of this risk' })
  risk?: Risk;

  @OneOf(CATALOG_TRANSPORTS, { optional: true, description: 'Servers that are reached this way' })
  transport?: string;
}

/** How many tools there are of each category. */
export class CategoryCountsView {
  @ApiProperty({ type: 'integer' }) readonly Read!: number;
  @ApiProperty({ type: 'integer' }) readonly Write!: number;
  @ApiProperty({ type: 'integer' }) readonly Execute!: number;
  @ApiProperty({ type: 'integer' }) readonly Financial!: number;
  @ApiProperty({ type: 'integer' }) readonly Destructive!: number;
}

export class CatalogServerView {
  @ApiProperty({ type: String, description: 'Its address below /catalog' }) readonly slug!: string;
  @ApiProperty({ type: String, description: 'As its package or registry has it' }) readonly name!: string;
  @ApiProperty({ type: String }) readonly summary!: string;
  @ApiProperty({ type: String, nullable: true }) readonly version!: string | null;
  @OneOf(['shipped', 'registry', 'scanned'], { description: 'Where the entry is from' }) readonly source!: string;
  @ApiProperty({ type: [String] }) readonly transports!: readonly string[];
  @ApiProperty({ type: Boolean, description: 'Whether its registry advises against it' }) readonly deprecated!: boolean;
  @ApiProperty({ type: 'integer' }) readonly toolCount!: number;
  @ApiProperty({ type: CategoryCountsView }) readonly byCategory!: CategoryCountsView;
  @ApiProperty({ type: 'integer', description: 'About how many tokens the definitions of all tools take' })
  readonly tokens!: number;
  @ApiProperty({ type: String, format: 'date', nullable: true, description: 'When its tools were listed' })
  readonly verifiedOn!: string | null;
}

export class CatalogServerPage extends PageView {
  @ApiProperty({ type: [CatalogServerView] }) readonly items!: readonly CatalogServerView[];
}

export class CatalogToolView {
  @ApiProperty({ type: String }) readonly name!: string;
  @OneOf(CATEGORIES) readonly category!: string;
  @OneOf(RISK_NAMES) readonly risk!: string;
  @ApiProperty({ type: Number, minimum: 0, maximum: 1 }) readonly confidence!: number;
  @ApiProperty({ type: [String] }) readonly evidence!: readonly string[];
  @ApiProperty({ type: [String] }) readonly signals!: readonly string[];
  @ApiProperty({ type: [String], description: 'The names of its inputs' }) readonly inputs!: readonly string[];
  @ApiProperty({ type: String, nullable: true, description: 'The input that a spend limit can count' })
  readonly amountInput!: string | null;
  @ApiProperty({ type: 'integer' }) readonly tokens!: number;
  @ApiProperty({ type: String }) readonly definitionHash!: string;
}

class PresetSettingView {
  @ApiProperty({ type: String, description: 'Of a variable over stdio, of a header elsewhere' }) readonly name!: string;
  @ApiProperty({ type: Boolean }) readonly required!: boolean;
  @ApiProperty({ type: Boolean }) readonly secret!: boolean;
}

/** What is known of how a server is reached. */
class PresetView {
  @ApiPropertyOptional({ type: 'object', additionalProperties: true }) readonly transport?: object;
  @OneOf(['none', 'headers', 'oauth'], { description: 'oauth: somebody signs in at the server' })
  readonly auth!: string;
  @ApiProperty({ type: [PresetSettingView] }) readonly settings!: readonly PresetSettingView[];
}

/** A registration, complete but for the values of variables and headers, which are empty. */
class RegistrationView {
  @ApiProperty({ type: String }) readonly name!: string;
  @ApiProperty({ type: 'object', additionalProperties: true }) readonly transport!: object;
  @ApiProperty({ type: 'object', additionalProperties: true }) readonly auth!: object;
}

class CatalogVersionView {
  @ApiProperty({ type: String }) readonly version!: string;
  @ApiProperty({ type: 'integer' }) readonly toolCount!: number;
  @ApiProperty({ type: 'integer' }) readonly tokens!: number;
  @ApiProperty({ type: String, format: 'date' }) readonly seenOn!: string;
}

export class CatalogServerDetailView extends CatalogServerView {
  @ApiProperty({ type: PresetView }) readonly preset!: PresetView;
  @ApiProperty({
    type: RegistrationView,
    nullable: true,
    description: 'What POST /v1/servers takes; null where nobody knows how the server is reached',
  })
  readonly registration!: RegistrationView | null;
  @ApiProperty({ type: [CatalogVersionView] }) readonly versions!: readonly CatalogVersionView[];
  @ApiProperty({ type: [CatalogToolView] }) readonly tools!: readonly CatalogToolView[];
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'A whole policy for all of its tools' })
  readonly recommendedPolicy!: object;
}

export class CatalogToolDetailView extends CatalogToolView {
  @ApiProperty({ type: CatalogServerView }) readonly server!: CatalogServerView;
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'A whole policy for this tool alone' })
  readonly recommendedPolicy!: object;
}
