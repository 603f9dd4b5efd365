import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { applyDecorators } from '@nestjs/common';
import { IsDefined, IsString, Length, ValidateIf } from 'class-validator';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { POLICY_SORTS } from './policies.store.js';
import { PageView } from '../../platform/rest/page.dto.js';
import { ActorView } from '../../platform/rest/actor.dto.js';
import { Flag, IdOf, Instant, JsonObject, OneOf, Text } from '../../platform/rest/fields.js';
import { scopeNames } from '../../policy-engine/scopes.js';

const MAX_SOURCE_LENGTH = 256 * 1024;

const documentSchema = {
  type: 'object',
  additionalProperties: true,
  description: 'A policy document, at most 256 KiB',
  example: {
    version: '1',
    default: 'deny',
    tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
  },
} as const;

/** A document as a JSON value; what is in it is checked later. */
const SentDocument = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ ...documentSchema, description }),
    ValidateIf((_object, value) => value !== undefined) as PropertyDecorator,
    IsDefined(),
  );

/** A JSON text; what is in it is read later. */
const SourceText = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: String, minLength: 1, maxLength: MAX_SOURCE_LENGTH, description }),
    ValidateIf((_object, value) => value !== undefined) as PropertyDecorator,
    IsString(),
    Length(1, MAX_SOURCE_LENGTH),
  );

export class PolicyQuery extends listQueryOf(POLICY_SORTS) {
  @IdOf('srv', { optional: true, description: 'The policies of this server' }) serverId?: string;
}

export class ServerPolicyQuery extends listQueryOf(POLICY_SORTS) {}

export class CreatePolicy {
  @Text(1, 200) name!: string;
  @SentDocument('A policy document, at most 256 KiB; or source') document?: unknown;
  @SourceText('The document as JSON text, kept byte for byte; or document')
  source?: string;
}

export class UpdatePolicy {
  @Text(1, 200, { optional: true, description: 'The name stays without it' }) name?: string;
  @SentDocument('The document stays without it and without source') document?: unknown;
  @SourceText('The document as JSON text, kept byte for byte; or document')
  source?: string;
}

export class ValidatePolicy {
  @SentDocument('A policy document, at most 256 KiB; or source') document?: unknown;
  @SourceText('The document as JSON text, kept byte for byte; or document')
  source?: string;
  @IdOf('srv', { optional: true, description: 'Also checks that the tools named are there' }) serverId?: string;
}

export class DecidePolicy {
  @Text(1, 1000) tool!: string;
  @JsonObject({ optional: true }) arguments?: object;
  @IdOf('idn', { optional: true }) identityId?: string;
}

export class PolicyErrorView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) pointer!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String }) message!: string;
}

export class PolicyView {
  @IdOf('pol') id!: string;
  @IdOf('srv') serverId!: string;
  @Text(1, 200) serverName!: string;
  @Text(1, 200) name!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Also the ETag' }) version!: number;
  @ApiProperty(documentSchema) document!: object;
  @ApiProperty({ type: String, description: 'The document as JSON text, as it was sent' }) source!: string;
  @ApiProperty({ type: [PolicyErrorView] }) warnings!: readonly PolicyErrorView[];
  @Instant() createdAt!: string;
  @Instant() updatedAt!: string;
}

export class PolicyVersionView {
  @ApiProperty({ type: 'integer', minimum: 1 }) version!: number;
  @Text(1, 200) name!: string;
  @ApiProperty(documentSchema) document!: object;
  @ApiProperty({ type: String, description: 'The document as JSON text, as it was sent' }) source!: string;
  @Instant() publishedAt!: string;
  @ApiProperty({ type: ActorView }) publishedBy!: ActorView;
}

export class ValidationView {
  @Flag() valid!: boolean;
  @ApiProperty({ type: [PolicyErrorView] }) errors!: readonly PolicyErrorView[];
  @ApiProperty({ type: [PolicyErrorView] }) warnings!: readonly PolicyErrorView[];
}

export class CountedLimitView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) rule!: string;
  @ApiProperty({ type: String }) counter!: string;
  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'integer' }] }) window!: string | number;
  @OneOf(scopeNames) scope!: string;
  @ApiProperty({ type: Number }) amount!: number;
  @ApiProperty({ type: Number }) max!: number;
}

export class TraceStepView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) rule!: string;
  @OneOf(['passed', 'refused', 'undecidable', 'not_reached', 'reserves'], {
    description: 'undecidable: the rule refuses because it cannot be judged for these arguments',
  })
  outcome!: string;
  @ApiPropertyOptional({ type: String }) detail?: string;
}

export class WouldView {
  @OneOf(['deny', 'hold']) effect!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String, nullable: true }) rule!: string | null;
}

export class DecisionView {
  @OneOf(['allow', 'deny', 'hold']) effect!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the document' }) rule!: string | null;
  @ApiProperty({ type: String }) reason!: string;
  @ApiPropertyOptional({ type: WouldView, description: 'In monitor mode: what enforcing would do' })
  would?: WouldView;
  @ApiProperty({ type: [CountedLimitView], description: 'What a call would be counted in; it must fit in all of them' })
  limits!: readonly CountedLimitView[];
  @ApiProperty({ type: [TraceStepView] }) trace!: readonly TraceStepView[];
}

export class PolicyPage extends PageView {
  @ApiProperty({ type: [PolicyView] }) items!: readonly PolicyView[];
}

export class PolicyVersionPage extends PageView {
  @ApiProperty({ type: [PolicyVersionView] }) items!: readonly PolicyVersionView[];
}
