import { monitorReason, type Decision, type Reservation } from '../../policy-engine/decide.js';
import type { GovernedCall, Judged } from './call.js';
import { limitRefused } from './refusals.js';
import type { Reserve } from './reserve.js';

/**
 * A decision with what was reserved for it. `release` gives that back; `durable` tells whether it outlives this
 * process, where that is known later only.
 */
export type Reserved = Readonly<{
  judged: Judged;
  reservations: readonly Reservation[];
  release: () => void;
  durable?: Promise<boolean> | undefined;
}>;

/** What gives back nothing. */
export const nothing = (): void => undefined;
const nothingReserved: readonly Reservation[] = [];

/**
 * Reserves what an allowed call needs. In monitor mode a limit that refuses is only told: the call counts all the
 * same, and passes also when nobody can count.
 */
export function reserveLimits(
  reserve: Reserve,
  call: GovernedCall,
  decision: Judged & Partial<Pick<Decision, 'reservations'>>,
): Reserved | Promise<Reserved> {
  const reservations = call.uncounted ? nothingReserved : (decision.reservations ?? nothingReserved);
  return reservations.length === 0
    ? { judged: decision, reservations, release: nothing }
    : reserveAll(reserve, call, decision, reservations);
}

async function reserveAll(
  reserve: Reserve,
  call: GovernedCall,
  decision: Judged,
  reservations: readonly Reservation[],
): Promise<Reserved> {
  const organizationId = call.who.organization.id;
  const held = await reserve({ organizationId, reservations, capped: true });
  if (held.ok) return { judged: decision, reservations, release: held.release, durable: held.durable };
  const refused = limitRefused(call.tool ?? '', held);
  if (call.who.policy?.compiled.mode !== 'monitor') return { judged: refused, reservations: [], release: nothing };
  const counted = 'unavailable' in held ? held : await reserve({ organizationId, reservations, capped: false });
  const judged: Judged = {
    ...decision,
    reason: monitorReason(refused.reason),
    would: { effect: 'deny', code: refused.code, rule: refused.rule },
  };
  return counted.ok
    ? { judged, reservations, release: counted.release, durable: counted.durable }
    : { judged, reservations: [], release: nothing };
}
