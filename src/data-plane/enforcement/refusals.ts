import { MAX_WAIT_BEFORE_JUDGED_MS } from '../../platform/fair-shares/data-plane-quotas.js';
import type { Exceeded, Quota } from '../../platform/fair-shares/quota.js';
import { limitRefusal, type Code, type Decision } from '../../policy-engine/decide.js';
import { reasonWhyDisabled } from '../../policy-engine/disabled.js';
import { reasonWhyNameRefused } from '../directory/tool-names.js';
import { toolOf, type GovernedCall } from './call.js';
import type { CallFacts } from './call-facts.js';
import type { Reserve } from './reserve.js';

/** A refusal that no rule of a policy made. */
export const refusal = (code: Code, reason: string): Decision => ({
  effect: 'deny',
  code,
  rule: null,
  reason,
  reservations: [],
});

export const AUDIT_UNAVAILABLE = refusal(
  'audit_unavailable',
  'the decision could not be put on record, so the call was not made; try again shortly',
);
export const LIMITS_UNAVAILABLE = refusal(
  'limits_unavailable',
  'the counters of this policy are out of reach; try again shortly',
);

export const STALE_DIRECTORY = refusal(
  'stale_directory',
  'the gateway has lost touch with its database; try again shortly',
);

export const WAITED_TOO_LONG =
  `the call waited over ${MAX_WAIT_BEFORE_JUDGED_MS / 1000} s before it could be judged, so it was ` +
  'not made; the gateway has more to do than it can, try again later';

/** Whether a call waited too long to be judged at `nowMs`, by the clock of `readAtMs`. */
export const hasWaitedTooLong = ({ readAtMs }: GovernedCall, nowMs: number): boolean =>
  nowMs - readAtMs > MAX_WAIT_BEFORE_JUDGED_MS;

/** Why a quota refuses one more request, and what its sender can do. */
export const quotaExceededReason = ({ limits }: Quota, exceeded: Exceeded): string => {
  if (exceeded === 'grant')
    return (
      `this grant has ${limits.grant.count} requests of this kind under way already; wait until some ` +
      'have ended, then try again'
    );
  if (exceeded === 'organization')
    return (
      `your organization has ${limits.organization.count} requests of this kind under way already; wait ` +
      'until some have ended, then try again'
    );
  return (
    'the gateway has so many requests under way that your organization has its share of them; wait ' +
    'until some have ended, then try again'
  );
};

/** Why nothing may be asked of a server that demands a sign-in and has none; undefined where it may. */
export const reasonWhyNotConnected = ({ connectUrl }: GovernedCall['who']['server']): string | undefined =>
  connectUrl === undefined
    ? undefined
    : `nobody is signed in to this server; ask an administrator to connect it at ${connectUrl}`;

/** The refusal of a call that no policy needs to be asked about; undefined when the policy decides. */
export const findRefusal = (call: GovernedCall, { definition }: CallFacts, isStale: boolean): Decision | undefined => {
  const { who } = call;
  if (call.tool === null) return refusal('method_not_governed', `${call.method} is not offered through this gateway`);
  const tool = toolOf(call);
  const misread = tool === null || definition !== undefined ? undefined : reasonWhyNameRefused(who.server, tool);
  if (misread !== undefined) return refusal('malformed', misread);
  const off = reasonWhyDisabled(who, tool);
  if (off !== undefined) return refusal('disabled', off);
  const unconnected = reasonWhyNotConnected(who.server);
  if (unconnected !== undefined) return refusal('needs_connection', unconnected);
  if (!who.policy) return refusal('no_policy', 'this grant has no policy; ask your administrator to attach one');
  return isStale ? STALE_DIRECTORY : undefined;
};

/** The refusal of a call whose limits could not be reserved. */
export const limitRefused = (tool: string, held: Extract<Awaited<ReturnType<Reserve>>, { ok: false }>): Decision => {
  if ('unavailable' in held) return LIMITS_UNAVAILABLE;
  const { rule, reason } = limitRefusal(held.reservation, tool, held.retryAfterSeconds);
  return {
    ...refusal('rate_limited', reason),
    rule,
    ...(held.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: held.retryAfterSeconds }),
  };
};
