import { createHash, randomBytes } from 'node:crypto';
import type { Json } from '../../../platform/json/json-object.js';
import { PARKED_CALL_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../../platform/fair-shares/quota.js';
import { canonicalJson } from '../../../platform/json/canonical-json.js';

/** How long a call waits for its client's input. */
export const PARKED_TIMEOUT_MS = 600_000;

/** Whose call it is and what it requests: a retry must match both. */
export type CallOwner = Readonly<{
  organizationId: string;
  grantId: string;
  serverId: string;
  method: string;
  params: Json;
}>;

type Parked<Call> = Readonly<{ call: Call; organizationId: string; grantId: string; digest: string }> & {
  bytes: number;
};

const digestOf = ({ serverId, method, params }: CallOwner): string => {
  const { _meta, inputResponses: _responses, requestState: _state, ...asked } = params;
  return createHash('sha256')
    .update(canonicalJson([serverId, method, asked]))
    .digest('base64');
};

/**
 * Calls that wait for input which a legacy server requested during them. The `requestState` of such a call is a handle
 * of 256 random bits that is valid once, for ten minutes, for the same grant, server, method and params. It lives on
 * the node that holds the call's upstream connection; other nodes refuse it. PARKED_CALL_QUOTA limits how many wait.
 */
export class ParkedCalls<Call> {
  readonly #parked = new Map<string, Parked<Call>>();
  readonly #quota = new Quota(PARKED_CALL_QUOTA);

  /** Parks a call that holds so many bytes and returns its handle; undefined when the quota is used up. */
  park(call: Call, owner: CallOwner, bytes: number): string | undefined {
    const { organizationId, grantId } = owner;
    if (this.#quota.take(organizationId, grantId, bytes) !== undefined) return undefined;
    const handle = randomBytes(32).toString('base64url');
    this.#parked.set(handle, { call, organizationId, grantId, digest: digestOf(owner), bytes });
    return handle;
  }

  /** Whether the call of a handle may hold so many bytes more. */
  grow(handle: string, bytes: number): boolean {
    const parked = this.#parked.get(handle);
    if (!parked || this.#quota.grow(parked.organizationId, parked.grantId, bytes) !== undefined) return false;
    parked.bytes += bytes;
    return true;
  }

  /** Takes out the call of a handle; undefined when the handle is unknown or not the owner's. */
  take(handle: string, owner: CallOwner): Call | undefined {
    const parked = this.#parked.get(handle);
    if (parked?.grantId !== owner.grantId || parked.digest !== digestOf(owner)) return undefined;
    this.forget(handle);
    return parked.call;
  }

  forget(handle: string): void {
    const parked = this.#parked.get(handle);
    if (!parked || !this.#parked.delete(handle)) return;
    this.#quota.free(parked.organizationId, parked.grantId, parked.bytes);
  }
}
