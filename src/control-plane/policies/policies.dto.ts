import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsDefined } from 'class-validator';
import { PageView } from '../../platform/rest/page.dto.js';
import { ActorView } from '../../platform/rest/actor.dto.js';
import { Flag, IdOf, Instant, JsonObject, OneOf, Text } from '../../platform/rest/fields.js';
import { scopeNames } from '../../policy-engine/scopes.js';

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

export class CreatePolicy {
  @Text(1, 200) name!: string;
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
}

export class UpdatePolicy {
  @Text(1, 200, { optional: true, description: 'The name stays unless given' }) name?: string;
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
}

export class ValidatePolicy {
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
  @IdOf('srv', { optional: true, description: 'Also checks that the tools named are there' }) serverId?: string;
}

export class DecidePolicy {
  @Text(1, 1000) tool!: string;
  @JsonObject({ optional: true }) arguments?: object;
  @IdOf('idn', { optional: true }) identityId?: string;
}

export class PolicyErrorView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the body; it begins with /document' }) pointer!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String }) message!: string;
}

export class PolicyView {
  @IdOf('pol') id!: string;
  @IdOf('srv') serverId!: string;
  @Text(1, 200) name!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Also the ETag' }) version!: number;
  @ApiProperty(documentSchema) document!: object;
  @ApiProperty({ type: [PolicyErrorView] }) warnings!: readonly PolicyErrorView[];
  @Instant() createdAt!: string;
  @Instant() updatedAt!: string;
}

export class PolicyVersionView {
  @ApiProperty({ type: 'integer', minimum: 1 }) version!: number;
  @Text(1, 200) name!: string;
  @ApiProperty(documentSchema) document!: object;
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
  @OneOf(['passed', 'refused', 'not_reached', 'reserves']) outcome!: string;
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
