import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_PROBLEM_ERRORS, problems } from '../runtime/problems.js';

export class ProblemErrorView {
  @ApiProperty({
    type: String,
    description: 'JSON Pointer into the body; empty for a parameter of the query',
  })
  pointer!: string;
  @ApiPropertyOptional({ type: String, description: 'The parameter of the query that is wrong' }) parameter?: string;
  @ApiProperty({ type: String }) code!: string;
  @ApiProperty({ type: String }) message!: string;
}

/** What every refusal answers (RFC 9457). */
export class ProblemView {
  @ApiProperty({ type: String, format: 'uri' }) type!: string;
  @ApiProperty({ type: String }) title!: string;
  @ApiProperty({ type: 'integer' }) status!: number;
  @ApiProperty({ enum: Object.keys(problems), description: 'Stable: switch on it' }) code!: string;
  @ApiProperty({ type: String, description: 'What to do next' }) detail!: string;
  @ApiPropertyOptional({
    type: [ProblemErrorView],
    maxItems: MAX_PROBLEM_ERRORS,
    description: `Where several things may be wrong, all of them, but at most ${MAX_PROBLEM_ERRORS}`,
  })
  errors?: readonly ProblemErrorView[];
}
