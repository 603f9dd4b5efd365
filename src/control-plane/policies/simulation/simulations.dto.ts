import { ApiProperty } from '@nestjs/swagger';
import { IdOf, Instant, JsonObject, OneOf } from '../../../platform/rest/fields.js';

const EFFECTS = ['allow', 'deny', 'hold'] as const;

export class SimulatePolicy {
  @JsonObject({ optional: true, description: 'The document to try; the newest version of the policy unless told' })
  document?: object;

  @Instant({
    optional: true,
    description: 'Decisions recorded (recordedAt) at this time or later; 7 days before `to` without it',
  })
  from?: string;

  @Instant({ optional: true, description: 'Decisions recorded (recordedAt) before this time; now without it' })
  to?: string;
}

class CountView {
  @ApiProperty({ type: 'integer', minimum: 1 }) calls!: number;
  @ApiProperty({ type: [String], description: 'Ids of the first few decisions' }) examples!: readonly string[];
}

class FlipView extends CountView {
  @OneOf(EFFECTS, { description: 'What was decided' }) from!: string;
  @OneOf(EFFECTS, { description: 'What the document says' }) to!: string;
}

export class RuleFlipView extends FlipView {
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the document' }) rule!: string | null;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({
    type: Boolean,
    description:
      'false: a rule before it, which asks for values that are not kept, may have refused already, to the same effect',
  })
  certain!: boolean;
}

export class ToolFlipView extends FlipView {
  @ApiProperty({ type: String, nullable: true, description: 'null: the rest, where there are over a thousand' }) tool!:
    string | null;
}

export class GrantFlipView extends FlipView {
  @ApiProperty({ type: String, nullable: true, description: 'null: the rest, where there are over a thousand' })
  grantId!: string | null;
  @ApiProperty({ type: String, nullable: true }) identityName!: string | null;
  @ApiProperty({ type: String, nullable: true }) grantLabel!: string | null;
}

export class UnjudgedView extends CountView {
  @ApiProperty({ type: String, nullable: true, description: 'JSON Pointer into the document' }) rule!: string | null;
}

export class SimulationView {
  @IdOf('pol') policyId!: string;
  @ApiProperty({ type: String }) policyName!: string;
  @ApiProperty({ type: 'integer', minimum: 1, nullable: true, description: 'null: a document that was sent' })
  version!: number | null;
  @IdOf('srv') serverId!: string;
  @ApiProperty({ type: String }) serverName!: string;
  @Instant() from!: string;
  @Instant() to!: string;
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    nullable: true,
    description: 'How many grants have the policy; null: none, so all calls of the server were judged',
  })
  grants!: number | null;
  @ApiProperty({ type: 'integer', description: 'The decisions that were judged again: same, flipped and unjudged' })
  calls!: number;
  @ApiProperty({ type: 'integer', description: 'Would have come out as they did' }) same!: number;
  @ApiProperty({ type: 'integer', description: 'Would have come out otherwise' }) flipped!: number;
  @ApiProperty({ type: 'integer', description: 'Depend on argument values, which are not kept' }) unjudged!: number;
  @ApiProperty({
    type: 'integer',
    description:
      'Refused whatever the policy (disabled, malformed and the like), or of a method that does not tell what it uses',
  })
  setAside!: number;
  @ApiProperty({
    type: 'integer',
    description: 'Refusals that were counted instead of recorded one by one (audit.suppressed)',
  })
  notRecorded!: number;
  @ApiProperty({
    type: [RuleFlipView],
    description: 'Flipped calls by the rule of the document that decides them, most calls first',
  })
  byRule!: readonly RuleFlipView[];
  @ApiProperty({ type: [ToolFlipView] }) byTool!: readonly ToolFlipView[];
  @ApiProperty({ type: [GrantFlipView] }) byGrant!: readonly GrantFlipView[];
  @ApiProperty({ type: [UnjudgedView], description: 'Unjudged calls by each rule that could not be judged' })
  unjudgedByRule!: readonly UnjudgedView[];
}
