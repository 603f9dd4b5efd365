import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsDefined } from 'class-validator';
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

export class PolicySent {
  @Text(1, 200) name!: string;
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
}

export class PolicyVersionSent {
  @Text(1, 200, { optional: true, description: 'The name stays unless given' }) name?: string;
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
}

export class ValidateSent {
  @ApiProperty(documentSchema) @IsDefined() document!: unknown;
  @IdOf('srv', { optional: true, description: 'Also checks that the tools named are there' }) serverId?: string;
}

export class DecideSent {
  @Text(1, 1000) tool!: string;
  @JsonObject({ optional: true }) arguments?: object;
  @IdOf('idn', { optional: true }) identityId?: string;
}

export class PolicyErrorAnswer {
  @ApiProperty({ type: String, description: 'JSON Pointer into the body; it begins with /document' }) pointer!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String }) message!: string;
}

export class PolicyAnswer {
  @IdOf('pol') id!: string;
  @IdOf('srv') serverId!: string;
  @Text(1, 200) name!: string;
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Also the ETag' }) version!: number;
  @ApiProperty(documentSchema) document!: object;
  @ApiProperty({ type: [PolicyErrorAnswer] }) warnings!: readonly PolicyErrorAnswer[];
  @Instant() createdAt!: string;
  @Instant() updatedAt!: string;
}

export class PolicyVersionAnswer {
  @ApiProperty({ type: 'integer', minimum: 1 }) version!: number;
  @Text(1, 200) name!: string;
  @ApiProperty(documentSchema) document!: object;
  @Instant() publishedAt!: string;
  @ApiProperty({ type: ActorView }) publishedBy!: ActorView;
}

export class ValidationAnswer {
  @Flag() valid!: boolean;
  @ApiProperty({ type: [PolicyErrorAnswer] }) errors!: readonly PolicyErrorAnswer[];
  @ApiProperty({ type: [PolicyErrorAnswer] }) warnings!: readonly PolicyErrorAnswer[];
}

export class LimitAnswer {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) rule!: string;
  @ApiProperty({ type: String }) counter!: string;
  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'integer' }] }) window!: string | number;
  @OneOf(scopeNames) scope!: string;
  @ApiProperty({ type: Number }) amount!: number;
  @ApiProperty({ type: Number }) max!: number;
}

export class TraceStepAnswer {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) rule!: string;
  @OneOf(['passed', 'refused', 'not_reached', 'reserves']) outcome!: string;
  @ApiPropertyOptional({ type: String }) detail?: string;
}

export class WouldAnswer {
  @OneOf(['deny', 'hold']) effect!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String, nullable: true }) rule!: string | null;
}

export class DecisionAnswer {
  @OneOf(['allow', 'deny', 'hold']) effect!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the document' }) rule!: string | null;
  @ApiProperty({ type: String }) reason!: string;
  @ApiPropertyOptional({ type: WouldAnswer, description: 'In monitor mode: what enforcing would do' })
  would?: WouldAnswer;
  @ApiProperty({ type: [LimitAnswer], description: 'What a call would be counted in; it must fit in all of them' })
  limits!: readonly LimitAnswer[];
  @ApiProperty({ type: [TraceStepAnswer] }) trace!: readonly TraceStepAnswer[];
}

class PageAnswer {
  @ApiProperty({ type: String, nullable: true }) nextCursor!: string | null;
  @ApiProperty({ type: Boolean }) hasMore!: boolean;
}

export class PolicyPage extends PageAnswer {
  @ApiProperty({ type: [PolicyAnswer] }) items!: readonly PolicyAnswer[];
}

export class PolicyVersionPage extends PageAnswer {
  @ApiProperty({ type: [PolicyVersionAnswer] }) items!: readonly PolicyVersionAnswer[];
}
