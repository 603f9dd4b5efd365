import { COLLECTED_BYTES_QUOTA } from './data-plane-quotas.js';
import { Quota } from './quota.js';

/** Whose bytes are held. */
export type ByteOwner = Readonly<{ organizationId: string; grantId: string }>;

/**
 * The bytes that one exchange holds of an answer that is collected before it is passed on. Whatever a call's own limit
 * is, all of them together must fit in memory, and no grant or organization may take what others need.
 */
export class HeldBytes {
  readonly #quota: Quota;
  readonly #owner: ByteOwner;
  #bytes = 0;
  #released = false;

  constructor(quota: Quota, owner: ByteOwner) {
    this.#quota = quota;
    this.#owner = owner;
  }

  /**
   * Holds just so many bytes from now on. False when there is no room, and after `release`: then what was held before
   * still is.
   */
  hold(bytes: number): boolean {
    const { organizationId, grantId } = this.#owner;
    const more = bytes - this.#bytes;
    if (this.#released) return false;
    if (more > 0 && this.#quota.grow(organizationId, grantId, more) !== undefined) return false;
    if (more < 0) this.#quota.shrink(organizationId, grantId, -more);
    this.#bytes = bytes;
    return true;
  }

  /** Gives everything back; from here on nothing can be held. */
  release(): void {
    if (this.#bytes > 0) this.#quota.shrink(this.#owner.organizationId, this.#owner.grantId, this.#bytes);
    this.#bytes = 0;
    this.#released = true;
  }
}

/**
 * Every answer that this process collects: lists, initialize, discovery, translated messages, messages of channels.
 * Buffers and the texts made of them take several times this much for a moment.
 */
export const collectedBytes = new Quota(COLLECTED_BYTES_QUOTA);

/** Begins to hold bytes of the answer to a request. Whoever begins must `release`. */
export const holdBytes = ({
  server,
  grantId,
}: Readonly<{ server: Readonly<{ organizationId: string }>; grantId: string }>): HeldBytes =>
  new HeldBytes(collectedBytes, { organizationId: server.organizationId, grantId });
