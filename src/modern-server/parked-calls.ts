import { createHash, randomBytes } from 'node:crypto';
import type { Json } from '../json/json-object.js';
import { canonicalJson } from '../upstream/tool-definition.js';

/** How long a client may take to answer. */
export const PARKED_MS = 600_000;
const MOST = 5000;
const MOST_PER_GRANT = 100;

/** Whose call it is and what it asks for, so that no other call can be answered in its name. */
export type Owner = Readonly<{ grantId: string; serverId: string; method: string; params: Json }>;

type Parked<Call> = Readonly<{ call: Call; grantId: string; digest: string }>;

const digestOf = ({ serverId, method, params }: Owner): string => {
  const { _meta, inputResponses: _responses, requestState: _state, ...asked } = params;
  return createHash('sha256').update(canonicalJson([serverId, method, asked])).digest('base64');
};

/**
 * Calls that wait for their client to answer what a legacy server asked in the middle of them. The `requestState` of such a call is a handle of 256 random
 * bits that counts once, for ten minutes, for the same grant, server, method and params. It lives on the node that holds the call's connection: any other
 * node refuses it.
 */
export class ParkedCalls<Call> {
  readonly #parked = new Map<string, Parked<Call>>();
  readonly #perGrant = new Map<string, number>();

  /** The handle of a call; undefined when too many wait. */
  park(call: Call, owner: Owner): string | undefined {
    const own = this.#perGrant.get(owner.grantId) ?? 0;
    if (this.#parked.size >= MOST || own >= MOST_PER_GRANT) return undefined;
    const handle = randomBytes(32).toString('base64url');
    this.#parked.set(handle, { call, grantId: owner.grantId, digest: digestOf(owner) });
    this.#perGrant.set(owner.grantId, own + 1);
    return handle;
  }

  /** The call of a handle, which no longer counts; undefined for one that is not its owner's. */
  take(handle: string, owner: Owner): Call | undefined {
    const parked = this.#parked.get(handle);
    if (parked?.grantId !== owner.grantId || parked.digest !== digestOf(owner)) return undefined;
    this.forget(handle);
    return parked.call;
  }

  forget(handle: string): void {
    const parked = this.#parked.get(handle);
    if (!parked || !this.#parked.delete(handle)) return;
    const left = (this.#perGrant.get(parked.grantId) ?? 1) - 1;
    if (left > 0) this.#perGrant.set(parked.grantId, left);
    else this.#perGrant.delete(parked.grantId);
  }
}
