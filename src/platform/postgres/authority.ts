import type { Tx } from './database.js';

/**
 * `change`: those who could end the authority wait until the transaction is over. `read`: nobody waits, as in a
 * transaction that writes nothing.
 */
export type Access = 'change' | 'read';

/**
 * Reads, within the transaction of a change and under its organization's lock, or behind what a transaction has read,
 * whether the caller may do so now. What the caller was when the request arrived is of no account. It resolves to what
 * was found.
 * @throws Problem unauthorized when the credential has ended, forbidden when its role no longer suffices
 */
export type Authority<Found = unknown> = (tx: Tx, access: Access) => Promise<Found>;
