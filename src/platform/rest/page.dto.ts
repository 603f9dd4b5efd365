import { ApiProperty } from '@nestjs/swagger';

/** What every page of a list has; a list's own page adds its `items`. */
export class PageView {
  @ApiProperty({ type: String, nullable: true, description: 'Send it as `after` to get the next page' })
  readonly nextCursor!: string | null;

  @ApiProperty({ type: Boolean })
  readonly hasMore!: boolean;
}
