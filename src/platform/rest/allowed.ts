import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiUnauthorizedResponse, ApiForbiddenResponse } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Authority } from '../postgres/authority.js';
import { Problem } from '../runtime/problems.js';

export const MEMBER_ROLES = ['admin', 'policy_manager', 'approver', 'auditor', 'viewer'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** Who may call a route: roles (admin always may), `member` for every role, `anyone` without a credential. */
export type AllowedTo = MemberRole | 'member' | 'anyone';

export const ALLOWED = 'toolgate:allowed';

/**
 * Declares who may call a route. The guard and the OpenAPI document (`x-allowed`) read the same declaration; a route
 * without one stops the start.
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
export const mayCall = (who: readonly AllowedTo[], role: MemberRole): boolean =>
  role === 'admin' || who.includes('member') || who.includes(role);

/** The refusal of a role that is not among those that a route allows. */
export const roleNeeded = (who: readonly AllowedTo[]): Problem =>
  new Problem(
    'forbidden',
    `Ask an admin of your organization for the role ${[...new Set(['admin', ...who])].join(' or ')}.`,
  );

/**
 * A request that may be repeated under one `Idempotency-Key`; the hash covers method, path and body. `onReplay` is
 * called
 * when its response is that of an earlier request.
 */
export type Repeat = Readonly<{ key: string; requestHash: Buffer; onReplay: () => void }>;

/**
 * Who is asking, as the guard established it. `role` is the role that the caller had when the request arrived: it
 * governs what is read at once. A change and a search are governed by `authority`, which the event store asks within
 * the transaction.
 */
export type Principal = Readonly<{
  organizationId: string;
  actor: Readonly<{ type: 'member' | 'apiKey'; id: string; name?: string }>;
  role: MemberRole;
  authority: Authority<MemberRole>;
  /** The network address that the request came from. */
  sourceIp?: string;
  /** The session that was used, if it was one. */
  sessionId?: string;
  repeat?: Repeat;
}>;

/**
 * The same caller for a change that only an admin may make, on a route that others may call too. @throws Problem
 * forbidden with this detail
 */
export const asAdmin = (principal: Principal, detail: string): Principal => {
  const refuseOthers = (role: MemberRole): MemberRole => {
    if (role !== 'admin') throw new Problem('forbidden', detail);
    return role;
  };
  refuseOthers(principal.role);
  return { ...principal, authority: async (tx, access) => refuseOthers(await principal.authority(tx, access)) };
};

/** A request as the guard leaves it. */
export type WithPrincipal = Request & { principal?: Principal; repeat?: Repeat };

/** The principal of the request; only for routes that need a credential. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<WithPrincipal>();
  if (!principal) throw new Error('CurrentPrincipal on a route without a credential');
  return principal;
});
