import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { PUBLIC_URL } from '../../platform/runtime/parts.js';
import { policySchema } from '../../policy-engine/policy-schema.js';
import { Allowed } from '../../platform/rest/allowed.js';

const PATH = 'schemas/policy-v1.json';
const MEDIA_TYPE = 'application/schema+json';

/** The JSON Schema of policy documents, for editors and pipelines. */
@ApiTags('policies')
@Controller()
export class PolicySchemaController {
  readonly #publicUrl: () => string;

  constructor(@Inject(PUBLIC_URL) publicUrl: () => string) {
    this.#publicUrl = publicUrl;
  }

  @Get(PATH)
  @Allowed('anyone')
  @ApiOperation({
    summary: 'JSON Schema, draft 2020-12, of the policy documents that this release accepts',
    description:
      'Every document that is accepted validates. Regular expressions and address ranges are read on save only.',
  })
  @ApiOkResponse({ content: { [MEDIA_TYPE]: { schema: { type: 'object', additionalProperties: true } } } })
  getPolicySchema(@Res({ passthrough: true }) response: Response): object {
    response.setHeader('Content-Type', MEDIA_TYPE);
    response.setHeader('Cache-Control', 'public, max-age=3600');
    // It is the same for everybody, and editors in browsers fetch it from their own origin.
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    return { $id: `${this.#publicUrl()}/${PATH}`, ...policySchema };
  }
}
