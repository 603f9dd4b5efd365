import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import { JsonObject, OneOf, Text, Whole } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { PageView } from '../../platform/rest/page.dto.js';
import type { LogStreamFilter } from '../event-log/events/index.js';
import { FORMAT_NAMES } from './formats/format.js';
import { KIND_NAMES } from './kind.js';
import { LOG_STREAM_SORTS } from './log-streams.store.js';

const FILTER = 'types, effects, serverIds, identityIds: each a list, of which any value is meant; absent: all records';
const CONFIG = 'By kind: see docs/log-streams.md. Secrets are write-only: answers show {"set": true}';
const STATUSES = ['active', 'paused', 'degraded', 'auth_error', 'suspended'] as const;

export class LogStreamQuery extends listQueryOf(LOG_STREAM_SORTS) {}

export class CreateLogStream {
  @Text(1, 200)
  name!: string;

  @OneOf(KIND_NAMES)
  kind!: string;

  @OneOf(FORMAT_NAMES, { optional: true, description: 'Without it the first that the kind takes' })
  format?: string;

  @JsonObject({ description: CONFIG })
  config!: Readonly<Record<string, unknown>>;

  @JsonObject({ nullable: true, description: FILTER })
  filter?: Readonly<Record<string, unknown>> | null;

  @ApiPropertyOptional({
    description: 'Where it begins: now (without it), beginning, or {"seq": n}',
    oneOf: [
      { type: 'string', enum: ['now', 'beginning'] },
      { type: 'object', required: ['seq'], properties: { seq: { type: 'integer', minimum: 1 } } },
    ],
  })
  @Allow()
  startAt?: unknown;
}

export class UpdateLogStream {
  @Text(1, 200, { optional: true })
  name?: string;

  @OneOf(FORMAT_NAMES, { optional: true, description: 'The newest version of its mapping comes with it' })
  format?: string;

  @Text(1, 40, { optional: true, description: 'A version of the mapping of the format' })
  mappingVersion?: string;

  @JsonObject({
    optional: true,
    description:
      `Members replace those that are there; null takes one away. ${CONFIG}; sent back, it means the value ` +
      'that is kept',
  })
  config?: Readonly<Record<string, unknown>>;

  @Whole(0, 86_400, {
    optional: true,
    description: 'How long secrets that this replaces are tried too, when the new ones are refused; 0 without it',
  })
  graceSeconds?: number;

  @JsonObject({ nullable: true, description: `Replaces the filter. ${FILTER}` })
  filter?: Readonly<Record<string, unknown>> | null;
}

export class LogStreamView {
  @ApiProperty({ type: String, example: 'lst_01h2xcejqtf2nbrexx3vqjhp41' })
  readonly id!: string;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the changes; also the ETag' })
  readonly version!: number;

  @ApiProperty({ type: String })
  readonly name!: string;

  @ApiProperty({ enum: KIND_NAMES })
  readonly kind!: string;

  @ApiProperty({ enum: FORMAT_NAMES })
  readonly format!: string;

  @ApiProperty({ type: String, description: 'Kept when a release brings a newer mapping' })
  readonly mappingVersion!: string;

  @ApiProperty({ type: 'object', additionalProperties: true, description: CONFIG })
  readonly config!: Readonly<Record<string, unknown>>;

  @ApiProperty({ type: 'object', additionalProperties: true, description: FILTER })
  readonly filter!: LogStreamFilter;

  @ApiProperty({ enum: STATUSES })
  readonly status!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Of a suspended stream: failing or cursor_beyond_head' })
  readonly statusReason!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly createdAt!: string;
}

export class LogStreamWithSecret extends LogStreamView {
  @ApiPropertyOptional({ type: String, example: 'whsec_…', description: 'What signs its requests. Shown this once' })
  readonly secret?: string;
}

export class LogStreamPage extends PageView {
  @ApiProperty({ type: [LogStreamView] })
  readonly items!: readonly LogStreamView[];
}
