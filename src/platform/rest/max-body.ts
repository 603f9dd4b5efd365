import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

export const MAX_BODY = 'toolgate:max-body';

/**
 * Lets the body of a route have another size than is usual. The guard and the OpenAPI document (`x-max-body-bytes`)
 * read the same declaration.
 */
export const MaxBody = (bytes: number): MethodDecorator =>
  applyDecorators(SetMetadata(MAX_BODY, bytes), ApiExtension('x-max-body-bytes', bytes));
