import type { Actor, ControlEvent, GrantBody } from '../../record/event-log/events/index.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';

export const GRANT_STATUSES = ['active', 'expired', 'revoked', 'disabled'] as const;
/**
 * `revoked` goes before `expired`, both before `disabled` (the grant, its identity, its server or the organization is).
 */
export type GrantStatus = (typeof GRANT_STATUSES)[number];

/**
 * One identity may use one server under one policy. Times are RFC 3339 UTC. A grant never ends but by revocation: it
 * keeps its row.
 */
export type Grant = Readonly<{
  identityId: string;
  serverId: string;
  policyId: string | null;
  shadowPolicyId: string | null;
  label: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
  disabled: boolean;
  issuedBy: Actor;
  createdAt: string;
  /** `oauth`: a member signed a client in, and the grant's tokens are the client's. */
  via: 'token' | 'oauth';
  clientId: string | null;
  clientName: string | null;
}>;

export type RevocationReason = Extract<GrantBody, { type: 'grant.revoked' }>['reason'];

const changedIn = (state: Grant, event: Extract<GrantBody, { type: 'grant.changed' }>): Grant => {
  const {
    policyId = state.policyId,
    shadowPolicyId = state.shadowPolicyId,
    label = state.label,
    expiresAt = state.expiresAt,
  } = event;
  return { ...state, policyId, shadowPolicyId, label, expiresAt };
};

const issuedBy = (event: ControlEvent & Extract<GrantBody, { type: 'grant.issued' }>): Grant => {
  const { identityId, serverId, policyId, shadowPolicyId = null, label, expiresAt } = event;
  const { via = 'token', clientId = null, clientName = null } = event;
  return {
    identityId,
    serverId,
    policyId,
    shadowPolicyId,
    label,
    expiresAt,
    revokedAt: null,
    disabled: false,
    issuedBy: event.actor,
    createdAt: event.time,
    via,
    clientId,
    clientName,
  };
};

/** What a grant becomes by an event. */
export const evolveGrant = (state: Grant | undefined, event: ControlEvent & GrantBody): Grant => {
  if (event.type === 'grant.issued') return issuedBy(event);
  if (!state) throw new Error('a grant that was never issued');
  switch (event.type) {
    case 'grant.changed':
      return changedIn(state, event);
    case 'grant.renewed':
      return { ...state, expiresAt: event.expiresAt };
    case 'grant.disabled':
      return { ...state, disabled: true };
    case 'grant.enabled':
      return { ...state, disabled: false };
    case 'grant.rotated':
      return state;
    case 'grant.revoked':
      return { ...state, revokedAt: event.time };
  }
};

const existing = (state: Grant | undefined): Grant => {
  if (!state) throw notFound('grant');
  return state;
};

const notRevoked = (state: Grant | undefined): Grant => {
  const grant = existing(state);
  if (grant.revokedAt !== null) throw new Problem('conflict', 'The grant is revoked; issue a new one.');
  return grant;
};

/** The first event of a grant. */
export const decideGrantCreation = (
  grantId: string,
  _state: undefined,
  grant: Pick<Grant, 'identityId' | 'serverId' | 'policyId' | 'shadowPolicyId' | 'label' | 'expiresAt'>,
): readonly GrantBody[] => [{ type: 'grant.issued', grantId, ...grant }];

/** What a member lets a client do by signing it in. */
export type SignIn = Pick<Grant, 'identityId' | 'serverId' | 'policyId'> &
  Readonly<{ clientId: string; clientName: string; expiresAt: string }>;

/** The first event of a sign-in. */
export const decideSignIn = (grantId: string, _state: undefined, signIn: SignIn): readonly GrantBody[] => [
  { type: 'grant.issued', grantId, label: null, via: 'oauth', ...signIn },
];

/** The event by which a sign-in lives on until `expiresAt`. @throws Problem not_found, conflict when it has ended */
export const decideRenewal = (
  grantId: string,
  state: Grant | undefined,
  { now, expiresAt }: Readonly<{ now: Date; expiresAt: string }>,
): readonly GrantBody[] => {
  const grant = notRevoked(state);
  if (grant.expiresAt !== null && Date.parse(grant.expiresAt) <= now.getTime())
    throw new Problem('conflict', 'The sign-in has expired; sign in again.');
  return [{ type: 'grant.renewed', grantId, identityId: grant.identityId, serverId: grant.serverId, expiresAt }];
};

export type GrantPatch = Readonly<
  Partial<Pick<Grant, 'policyId' | 'shadowPolicyId' | 'label' | 'expiresAt' | 'disabled'>>
>;

/**
 * The events that bring a grant to what a patch says; none when it says nothing new.
 * @throws Problem not_found, conflict when revoked
 */
export const decideGrantChange = (
  grantId: string,
  state: Grant | undefined,
  patch: GrantPatch,
): readonly GrantBody[] => {
  const grant = notRevoked(state);
  const changed = Object.fromEntries(
    (['policyId', 'shadowPolicyId', 'label', 'expiresAt'] as const)
      .filter((key) => patch[key] !== undefined && patch[key] !== grant[key])
      .map((key) => [key, patch[key]]),
  ) as GrantPatch;
  const of = { grantId, identityId: grant.identityId, serverId: grant.serverId };
  const events: GrantBody[] = Object.keys(changed).length > 0 ? [{ type: 'grant.changed', ...of, ...changed }] : [];
  if (patch.disabled !== undefined && patch.disabled !== grant.disabled)
    events.push({ type: patch.disabled ? 'grant.disabled' : 'grant.enabled', ...of });
  return events;
};

/** @throws Problem not_found, conflict when revoked, expired at `now` or a sign-in */
export const decideGrantRotation = (
  grantId: string,
  state: Grant | undefined,
  { now, graceSeconds }: Readonly<{ now: Date; graceSeconds: number }>,
): readonly GrantBody[] => {
  const { identityId, serverId, expiresAt, via } = notRevoked(state);
  if (via === 'oauth')
    throw new Problem('conflict', "The tokens of a sign-in are its client's, which renews them by itself.");
  if (expiresAt !== null && Date.parse(expiresAt) <= now.getTime())
    throw new Problem('conflict', 'The grant has expired; give it a later expiresAt first.');
  return [{ type: 'grant.rotated', grantId, identityId, serverId, graceSeconds }];
};

/** Revoking what is revoked changes nothing. @throws Problem not_found */
export const decideGrantRevocation = (
  grantId: string,
  state: Grant | undefined,
  { reason }: Readonly<{ reason: RevocationReason }>,
): readonly GrantBody[] => {
  const { identityId, serverId, revokedAt } = existing(state);
  return revokedAt === null ? [{ type: 'grant.revoked', grantId, identityId, serverId, reason }] : [];
};

/**
 * An expiry as it is stored: UTC with milliseconds, after `now` and before the year 10000.
 * @throws Problem invalid_body
 */
export const futureExpiry = (expiresAt: string, now: Date): string => {
  const time = new Date(expiresAt);
  const text = time.toISOString();
  if (time > now && text.length === 24) return text;
  throw new Problem('invalid_body', 'Give a time in the future, or leave expiresAt out.', {
    errors: [{ pointer: '/expiresAt', code: 'invalid', message: 'expiresAt must be a time in the future' }],
  });
};
