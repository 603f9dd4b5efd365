import { monitorReason, type Decision, type Reservation } from '../../policy-engine/decide.js';
import type { ApprovalWait, GovernedCall } from './call.js';
import { limitRefused } from './refusals.js';
import type { Reserve } from './reserve.js';

/**
 * A decision whose limits are reserved: `decision.reservations` are held until `release` gives them back. `durable`
 * tells whether they outlive this process, where that is known later only. `wait` stands with effect `hold`.
 */
export type ReservedDecision = Readonly<{
  decision: Decision;
  release: () => void;
  durable?: Promise<boolean> | undefined;
  wait?: ApprovalWait | undefined;
}>;

const releaseNothing = (): void => undefined;
const NO_RESERVATIONS: readonly Reservation[] = [];

/** A decision that holds no reservations. */
export const withoutReservations = (decision: Decision): ReservedDecision => ({
  decision: decision.reservations.length === 0 ? decision : { ...decision, reservations: NO_RESERVATIONS },
  release: releaseNothing,
});

/**
 * Reserves the limits of an allowed call. In monitor mode a limit that refuses is only reported: the call counts all
 * the same, and passes also when the counters are out of reach.
 */
export function reserveLimits(
  reserve: Reserve,
  call: GovernedCall,
  decision: Decision,
): ReservedDecision | Promise<ReservedDecision> {
  return call.uncounted === true || decision.reservations.length === 0
    ? withoutReservations(decision)
    : reserveAll(reserve, call, decision);
}

async function reserveAll(reserve: Reserve, call: GovernedCall, decision: Decision): Promise<ReservedDecision> {
  const { reservations } = decision;
  const organizationId = call.who.organization.id;
  const held = await reserve({ organizationId, reservations, capped: true });
  if (held.ok) return { decision, release: held.release, durable: held.durable };
  const refused = limitRefused(call.tool ?? '', held);
  if (call.who.policy?.compiled.mode !== 'monitor') return withoutReservations(refused);
  const counted = 'unavailable' in held ? held : await reserve({ organizationId, reservations, capped: false });
  const monitored: Decision = {
    ...decision,
    reason: monitorReason(refused.reason),
    would: { effect: 'deny', code: refused.code, rule: refused.rule },
  };
  return counted.ok
    ? { decision: monitored, release: counted.release, durable: counted.durable }
    : withoutReservations(monitored);
}
