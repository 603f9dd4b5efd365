import { guarded, startTimer } from '../../../platform/runtime/guard.js';
import type { ApprovalWait } from '../../enforcement/call.js';
import type { ControlEvent } from '../../../record/event-log/events/index.js';
import { HELD_CALL_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../../platform/fair-shares/quota.js';

/**
 * `ready`: ask again, the approval was decided or its time is over. `over`: it was not, and the client has waited long
 * enough. `gone`: nobody waits any more.
 */
export type WaitEnd = 'ready' | 'over' | 'gone';

/** Who waits: a connection, or what stands for one. */
type Waiter = Readonly<{
  destroyed: boolean;
  once: (event: 'close', listener: () => void) => unknown;
  off: (event: 'close', listener: () => void) => unknown;
}>;

/** What waits, by the body of its request. */
export type WaitingCall = Readonly<{ organizationId: string; grantId: string; bytes: number }>;

/** Longer than it takes from reading an approval to waiting for it. */
const SETTLED_CACHE_MS = 60_000;

/** The database's clock decides about expiry. */
const EXPIRY_MARGIN_MS = 50;

type ActiveWait = Readonly<{ approvalId: string; leave: (how: WaitEnd) => void }>;

/** The approval that an event settles, so that who waits for it may ask again. */
const settledBy = (event: ControlEvent): string | undefined => {
  if (event.type === 'approval.expired') return event.approvalId;
  return event.type === 'approval.decided' && event.status !== 'pending' ? event.approvalId : undefined;
};

/**
 * Held calls that wait on this node for the decision on their approval. Nothing is lost with them: the approval is in
 * the database, and repeating the call goes on from there. How many may wait, HELD_CALL_QUOTA says; whoever comes then
 * waits no time at all.
 */
export class ApprovalWaits {
  readonly #waiting = new Set<ActiveWait>();
  readonly #places = new Quota(HELD_CALL_QUOTA);
  /** Settled approvals, oldest first: one may be settled before its call has begun to wait. */
  readonly #settled = new Map<string, number>();
  #draining = false;

  /** To be told of every control event. */
  onEvent(event: ControlEvent): void {
    const settled = settledBy(event);
    if (settled === undefined) return;
    const now = performance.now();
    for (const [id, at] of this.#settled) {
      if (at > now - SETTLED_CACHE_MS) break;
      this.#settled.delete(id);
    }
    this.#settled.set(settled, now);
    for (const { approvalId, leave } of this.#waiting) if (approvalId === settled) leave('ready');
  }

  /** Waits until the approval is settled, the wait is over, the client has left or `cancelled` was called. */
  wait(
    { approvalId, waitMs, expiresInMs }: ApprovalWait,
    call: WaitingCall,
    waiter: Waiter,
    onCancel: (cancel: () => void) => () => void,
  ): Promise<WaitEnd> {
    if (this.#settled.has(approvalId)) return Promise.resolve('ready');
    if (waiter.destroyed) return Promise.resolve('gone');
    const { organizationId, grantId, bytes } = call;
    if (waitMs <= 0 || this.#draining || this.#places.take(organizationId, grantId, bytes) !== undefined)
      return Promise.resolve('over');
    return new Promise((resolve) => {
      const expires = expiresInMs <= waitMs;
      const leave = (how: WaitEnd): void => {
        if (!this.#waiting.delete(waits)) return;
        this.#places.free(organizationId, grantId, bytes);
        clearTimeout(timer);
        waiter.off('close', gone);
        forget();
        resolve(how);
      };
      const gone = guarded('held_call', () => leave('gone'));
      const waits: ActiveWait = { approvalId, leave };
      this.#waiting.add(waits);
      const timer = startTimer('held_call', expires ? Math.max(0, expiresInMs) + EXPIRY_MARGIN_MS : waitMs, () =>
        leave(expires ? 'ready' : 'over'),
      );
      waiter.once('close', gone);
      const forget = onCancel(gone);
    });
  }

  /** Answers those who wait, and those to come, at once: they go on elsewhere. */
  drain(): void {
    this.#draining = true;
    for (const { leave } of this.#waiting) leave('over');
  }

  /** Whether this call could not wait here now. */
  isFull({ organizationId, grantId, bytes }: WaitingCall): boolean {
    return this.#draining || this.#places.exceededBy(organizationId, grantId, bytes) !== undefined;
  }
}
