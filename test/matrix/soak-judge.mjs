/** What of the soak's losses is a fault: whatever a client without Toolgate would not have seen as well. */

/** How long after a restart a call may fail for it: that long a call may have been under way. */
const AFTERMATH_MS = 3000;
/** No call takes longer by itself, so that one without an answer was under way when its process was killed. */
const LONGEST_CALL_MS = 5000;

/** When each part was down: from the beginning of its restart until a while after its end. */
export class Outages {
  #all = [];

  /** `part` is `gateway` or the kind of a server; `killed` whether it had no time to end its calls. */
  async during({ part, killed }, work) {
    const one = { part, killed, from: Date.now(), to: Number.POSITIVE_INFINITY };
    this.#all.push(one);
    await work();
    one.to = Date.now() + AFTERMATH_MS;
  }

  /** Whether one of these parts was down at some time from `from` to `to`. */
  touched(parts, from, to) {
    return this.#all.some((one) => parts.includes(one.part) && one.from <= to && one.to >= from);
  }

  /** Whether Toolgate was killed from `from` to `to`. */
  gatewayKilled(from, to) {
    return this.#all.some((one) => one.part === 'gateway' && one.killed && one.from >= from && one.from <= to);
  }

  get count() {
    return this.#all.length;
  }

  get kills() {
    return this.#all.filter(({ part, killed }) => part === 'gateway' && killed).length;
  }
}

/**
 * The fault that a failed call is; undefined where a client without Toolgate fails as well. `timedOut`: nothing came in
 * time, which the clients of the first TypeScript SDK see of every event stream that is cut off. `unknown`: the session
 * was answered with 404. `lastGoodAt` is when it last worked.
 */
export const faultOf = ({ kind, timedOut, unknown, beganAt, endedAt, lastGoodAt }, outages) => {
  if (timedOut) return outages.gatewayKilled(beganAt, beganAt + LONGEST_CALL_MS) ? undefined : 'no answer';
  // The process of a client without Toolgate is its own, and nobody starts it anew.
  const forgot = kind !== 'stdio' && outages.touched([kind], lastGoodAt, endedAt);
  if (unknown) return forgot ? undefined : 'a session was lost';
  return outages.touched(['gateway', kind], beganAt, endedAt) ? undefined : 'failed without a restart';
};

/**
 * The faults of the record. `answered` counts the calls that the agents had a result of. Of what Toolgate answered just
 * before it was killed the outcome is recorded as unknown.
 */
export const faultsOfRecord = ({ answered, ok, unknown, odd }, { kills }) => {
  const known = ok + (kills > 0 ? unknown : 0);
  return [
    ...(odd > 0 ? [`${odd} calls on record without one outcome`] : []),
    ...(answered > known ? [`${answered} calls were answered, and ${known} are on record as answered`] : []),
  ];
};
