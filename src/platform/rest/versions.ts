import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { Problem } from '../runtime/problems.js';

/** The entity tag of a version (RFC 9110 8.8.3). */
export const etagOf = (version: number | string): string => `"${version}"`;

/**
 * Whether an `If-Match` names a version: `"3"`, `3`, a list, or `*` for any. A weak tag counts as the strong one: a
 * proxy that compresses makes `W/"3"` of `"3"`, and a version says more than any byte.
 */
export const matchesVersion = (ifMatch: string, version: number | string): boolean =>
  ifMatch.split(',').some((tag) => {
    const plain = tag.trim().replace(/^W\//, '');
    return plain === '*' || plain === etagOf(version) || plain === String(version);
  });

/** @throws Problem `precondition_failed` when an `If-Match` was sent and names another version */
export const requireMatch = (ifMatch: string | undefined, version: number): void => {
  if (ifMatch === undefined || matchesVersion(ifMatch, version)) return;
  throw new Problem(
    'precondition_failed',
    'Read the object again, bring your change into its newest version, and send it with that ETag.',
  );
};

/** @throws Problem `precondition_required` when no `If-Match` was sent */
export const requireIfMatch = (ifMatch: string | undefined, detail: string): string => {
  if (ifMatch === undefined || ifMatch.trim() === '') throw new Problem('precondition_required', detail);
  return ifMatch;
};

/** The `If-Match` of the request. */
export const IfMatch = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | undefined =>
    context.switchToHttp().getRequest<Request>().headers['if-match'],
);

/** Describes `If-Match` in the OpenAPI document. */
export const ApiIfMatch = ({ required = false }: Readonly<{ required?: boolean }> = {}): MethodDecorator =>
  ApiHeader({
    name: 'If-Match',
    required,
    description: 'The ETag of the version that your change is based on, or *. Another version answers 412.',
  });

/** The header of a response in the OpenAPI document. */
export const ETAG = {
  ETag: { description: 'The version: send it back as If-Match', schema: { type: 'string' as const } },
};

@Injectable()
class EtagInterceptor implements NestInterceptor<Readonly<{ version: number }>> {
  intercept(
    context: ExecutionContext,
    next: CallHandler<Readonly<{ version: number }>>,
  ): Observable<Readonly<{ version: number }>> {
    const response = context.switchToHttp().getResponse<Response>();
    // The tag names the version of what can be changed, which is not all of the body: 304 would hide the rest.
    delete response.req.headers['if-none-match'];
    return next.handle().pipe(
      map((body) => {
        response.setHeader('ETag', etagOf(body.version));
        return body;
      }),
    );
  }
}

/** The response has a `version`, which is its `ETag` too. */
export const Tagged = (): MethodDecorator => applyDecorators(UseInterceptors(EtagInterceptor));
