import type { Tx } from './database.js';

/**
 * Reads, within the transaction of a change and under its organization's lock, whether the caller may make the change now. What the caller was
 * when the request arrived is of no account. It resolves to what was found.
 * @throws Problem unauthorized when the credential has ended, forbidden when its role no longer suffices
 */
export type Authority<Found = unknown> = (tx: Tx) => Promise<Found>;
