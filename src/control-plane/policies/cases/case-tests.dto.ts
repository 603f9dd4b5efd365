import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { CheckedElsewhere, IdOf, JsonObject, OneOf } from '../../../platform/rest/fields.js';
import { PolicyErrorView, WouldView } from '../policies.dto.js';

const call = {
  kind: { type: 'string', enum: ['tool', 'resource', 'prompt'], default: 'tool' },
  tool: { type: 'string', description: 'The name of the tool or prompt, or the URI of the resource' },
  arguments: { type: 'object', additionalProperties: true },
  approved: { type: 'boolean', default: false, description: 'The call was approved' },
  repeat: { type: 'integer', minimum: 1, maximum: 1000, default: 1 },
  time: { type: 'string', format: 'date-time', description: 'When the call is made; now unless told' },
};

const CASES = {
  description:
    'At most 1,000 cases and 10,000 calls. Limits count from 0 in every case; of repeated calls, the last is compared.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'tool', 'expect'],
    properties: {
      name: { type: 'string', maxLength: 200 },
      ...call,
      identity: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          kind: { type: 'string', enum: ['human', 'agent', 'service'] },
          attributes: { type: 'object', additionalProperties: true },
        },
      },
      request: { type: 'object', properties: { ip: { type: 'string' } } },
      client: { type: 'object', properties: { name: { type: 'string' } } },
      before: {
        type: 'array',
        maxItems: 100,
        description: 'Calls made before, by the same identity',
        items: { type: 'object', additionalProperties: false, required: ['tool'], properties: call },
      },
      expect: {
        type: 'object',
        required: ['effect'],
        properties: {
          effect: { type: 'string', enum: ['allow', 'deny', 'hold'] },
          code: { type: 'string' },
          rule: { type: 'string', nullable: true, description: 'JSON Pointer into the document' },
        },
      },
    },
  },
  example: [
    {
      name: 'the eleventh in a minute',
      tool: 'cancel_job',
      repeat: 11,
      expect: { effect: 'deny', code: 'rate_limited', rule: '/tools/cancel_job/limits/0' },
    },
  ],
} as const;

export class TestPolicy {
  @JsonObject({ optional: true, description: 'A policy document, at most 256 KiB; or policyId' }) document?: object;
  @IdOf('pol', { optional: true, description: 'A policy, tested as it stands; or document' }) policyId?: string;
  @IdOf('srv', {
    optional: true,
    description: 'Of a document: whose tools it is about, for warnings and check_arguments',
  })
  serverId?: string;
  @CheckedElsewhere(CASES, 1000) cases!: unknown;
}

export class CaseDifferenceView {
  @OneOf(['effect', 'code', 'rule']) member!: string;
  @ApiProperty({ type: String, nullable: true }) expected!: string | null;
  @ApiProperty({ type: String, nullable: true }) actual!: string | null;
}

export class CaseResultView {
  @ApiProperty({ type: String }) name!: string;
  @ApiProperty({ type: Boolean }) passed!: boolean;
  @ApiProperty({ type: [CaseDifferenceView] }) differs!: readonly CaseDifferenceView[];
  @OneOf(['allow', 'deny', 'hold']) effect!: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the document' }) rule!: string | null;
  @ApiProperty({ type: String }) reason!: string;
  @ApiPropertyOptional({ type: 'integer', minimum: 1 }) retryAfterSeconds?: number;
  @ApiPropertyOptional({ type: WouldView, description: 'In monitor mode: what enforcing would do' })
  would?: WouldView;
}

export class CoveredRuleView {
  @ApiProperty({ type: String, description: 'JSON Pointer into the document' }) rule!: string;
  @ApiProperty({ type: 'integer', description: 'Calls that came to it' }) calls!: number;
  @ApiProperty({ type: 'integer', description: 'Calls that it refused or held' }) refused!: number;
}

export class CoverageView {
  @ApiProperty({ type: 'integer', description: 'Rules of the document' }) rules!: number;
  @ApiProperty({ type: [CoveredRuleView] }) exercised!: readonly CoveredRuleView[];
  @ApiProperty({ type: [String], description: 'Rules that no call came to' }) never!: readonly string[];
}

export class TestReportView {
  @ApiProperty({ type: 'integer' }) passed!: number;
  @ApiProperty({ type: 'integer' }) failed!: number;
  @ApiProperty({ type: [CaseResultView], description: 'In the order of the cases' })
  results!: readonly CaseResultView[];
  @ApiProperty({ type: CoverageView }) coverage!: CoverageView;
  @ApiProperty({ type: [PolicyErrorView] }) warnings!: readonly PolicyErrorView[];
}
