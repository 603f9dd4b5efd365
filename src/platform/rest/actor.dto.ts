import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Who did something. */
export class ActorView {
  @ApiProperty({ type: String }) type!: string;
  @ApiProperty({ type: String }) id!: string;
  @ApiPropertyOptional({ type: String }) name?: string;
}
