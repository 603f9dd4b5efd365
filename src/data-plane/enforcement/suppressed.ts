import { inBackground, startInterval } from '../../platform/runtime/guard.js';
import type { DecisionCode, RecordBody } from '../../record/event-log/events/index.js';

const MAX_RECORDED_PER_SECOND = 100;
const FLUSH_INTERVAL_MS = 1000;

type Refusal = Readonly<{
  organizationId: string;
  grantId: string;
  identityId: string;
  serverId: string;
  code: DecisionCode;
  time: string;
}>;
type Tally = {
  organizationId: string;
  grantId: string;
  identityId: string;
  serverId: string;
  refusals: number;
  from: string;
  to: string;
  codes: Record<string, number>;
};

/**
 * Refusals that are counted instead of recorded one by one: those beyond 100 a second of one grant, and those that the
 * queue could not hold. Each grant's count is written as one `audit.suppressed` within a second, or, when the log is
 * away, once it is back: while it is not `ready` or has not taken the last counts, they add up. `record` must not lose
 * one; it resolves when it is in the log.
 */
export class Suppressed {
  readonly #record: (organizationId: string, body: RecordBody) => Promise<void>;
  readonly #tallies = new Map<string, Tally>();
  readonly #recent = new Map<string, number>();
  readonly #ready: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<unknown> | undefined;

  constructor(record: (organizationId: string, body: RecordBody) => Promise<void>, ready: () => boolean) {
    this.#record = record;
    this.#ready = ready;
    this.#timer = startInterval('suppressed', FLUSH_INTERVAL_MS, () => this.#turn());
    this.#timer.unref();
  }

  /** Whether this refusal gets a record of its own; if not it is counted here. */
  mayRecord(refusal: Refusal): boolean {
    const recent = (this.#recent.get(refusal.grantId) ?? 0) + 1;
    this.#recent.set(refusal.grantId, recent);
    if (recent <= MAX_RECORDED_PER_SECOND) return true;
    this.count(refusal);
    return false;
  }

  count(refusal: Refusal): void {
    const { organizationId, grantId, identityId, serverId, time } = refusal;
    const tally = this.#tallies.get(grantId) ?? {
      organizationId,
      grantId,
      identityId,
      serverId,
      refusals: 0,
      from: time,
      to: time,
      codes: {},
    };
    tally.refusals += 1;
    tally.to = time;
    tally.codes[refusal.code] = (tally.codes[refusal.code] ?? 0) + 1;
    this.#tallies.set(grantId, tally);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#flush();
  }

  #turn(): void {
    this.#recent.clear();
    if (!this.#writing && this.#ready()) this.#flush();
  }

  #flush(): void {
    const tallies = [...this.#tallies.values()];
    this.#tallies.clear();
    if (tallies.length === 0) return;
    const written = Promise.all(
      tallies.map(({ organizationId, ...tally }) =>
        this.#record(organizationId, { type: 'audit.suppressed', ...tally }),
      ),
    );
    this.#writing = written.finally(() => (this.#writing = undefined));
    inBackground('suppressed', this.#writing);
  }
}
