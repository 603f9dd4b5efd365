import { ApiProperty } from '@nestjs/swagger';
import { QueryWhole, Text } from '../../platform/rest/fields.js';
import { PageView } from '../../platform/rest/page.dto.js';

export class CheckpointView {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'How many records the tree has' })
  readonly treeSize!: number;

  @ApiProperty({ type: String, description: 'The root of the tree, base64' })
  readonly rootHash!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly time!: string;

  @ApiProperty({ type: String, description: 'The checkpoint as a C2SP signed note' })
  readonly note!: string;
}

export class CheckpointPage extends PageView {
  @ApiProperty({ type: [CheckpointView] })
  readonly items!: readonly CheckpointView[];

  @ApiProperty({ type: 'integer', nullable: true, description: 'The seq of the first record in the tree' })
  readonly firstSeq!: number | null;
}

export class LogKeysQuery {
  @Text(1, 300, { description: 'The first line of a checkpoint: whose keys' })
  origin!: string;
}

export class LogKeyView {
  @ApiProperty({ type: String })
  readonly name!: string;

  @ApiProperty({ type: String, description: 'The verifier key in the note format' })
  readonly vkey!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  readonly from!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'null while it signs' })
  readonly until!: string | null;
}

export class LogKeysView {
  @ApiProperty({ type: [LogKeyView] })
  readonly keys!: readonly LogKeyView[];
}

export class BundleQuery {
  @QueryWhole(1, Number.MAX_SAFE_INTEGER, { optional: false, description: 'The seq of the first record' })
  from!: number;

  @QueryWhole(1, Number.MAX_SAFE_INTEGER, { optional: false, description: 'The seq of the last record' })
  to!: number;
}

export class ConsistencyQuery {
  @QueryWhole(0, Number.MAX_SAFE_INTEGER, { optional: false, description: 'The size of the smaller tree' })
  from!: number;

  @QueryWhole(0, Number.MAX_SAFE_INTEGER, { optional: false, description: 'The size of the larger tree' })
  to!: number;
}

export class ConsistencyView {
  @ApiProperty({ type: 'integer' })
  readonly from!: number;

  @ApiProperty({ type: 'integer' })
  readonly to!: number;

  @ApiProperty({ type: [String], description: 'RFC 6962, section 2.1.2; base64' })
  readonly hashes!: readonly string[];
}

export class SelfCheckView {
  @ApiProperty({ type: 'integer', description: 'The seq of the last record that was looked at' })
  readonly checkedTo!: number;

  @ApiProperty({ type: Boolean })
  readonly ok!: boolean;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The first record that is not the one that was signed' })
  readonly firstBadSeq!: number | null;
}
