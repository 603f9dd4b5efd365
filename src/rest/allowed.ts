import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiUnauthorizedResponse, ApiForbiddenResponse } from '@nestjs/swagger';
import type { Request } from 'express';

export const MEMBER_ROLES = ['admin', 'policy_manager', 'approver', 'auditor', 'viewer'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** Who may call a route: roles (admin always may), `member` for every role, `anyone` without a credential. */
export type AllowedTo = MemberRole | 'member' | 'anyone';

export const ALLOWED = 'toolgate:allowed';

/**
 * Declares who may call a route. The guard and the OpenAPI document (`x-allowed`) read the same declaration; a route without one stops the start.
 */
export const Allowed = (...who: readonly AllowedTo[]): MethodDecorator =>
  who.includes('anyone')
    ? applyDecorators(SetMetadata(ALLOWED, who), ApiExtension('x-allowed', who))
    : applyDecorators(
        SetMetadata(ALLOWED, who),
        ApiExtension('x-allowed', who.includes('member') || who.includes('admin') ? who : ['admin', ...who]),
        ApiBearerAuth(),
        ApiUnauthorizedResponse({ description: 'No valid credential' }),
        ApiForbiddenResponse({ description: 'The role may not do this' }),
      );

/** Whether a role is among those that a route allows. */
export const mayCall = (who: readonly AllowedTo[], role: MemberRole): boolean => role === 'admin' || who.includes('member') || who.includes(role);

/** A request that may be repeated under one `Idempotency-Key`; the hash covers method, path and body. */
export type Repeat = Readonly<{ key: string; requestHash: Buffer }>;

/** Who is asking, as the guard established it. `caller` is the stable name of the credential's holder, for idempotency. */
export type Principal = Readonly<{
  organizationId: string;
  actor: Readonly<{ type: 'member' | 'apiKey'; id: string; name?: string }>;
  role: MemberRole;
  /** The session that was used, if it was one. */
  sessionId?: string;
  repeat?: Repeat;
}>;

/** A request as the guard leaves it. */
export type WithPrincipal = Request & { principal?: Principal; repeat?: Repeat };

/** The principal of the request; only for routes that need a credential. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<WithPrincipal>();
  if (!principal) throw new Error('CurrentPrincipal on a route without a credential');
  return principal;
});
