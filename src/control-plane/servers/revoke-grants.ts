import type { Change } from '../../record/event-store/event-store.js';

/**
 * Revokes all grants of a server within the change that deletes it. Bound in app.module.ts, as grants are another room.
 */
export type RevokeGrants = (
  change: Change,
  of: Readonly<{ serverId: string }>,
  reason: 'server_deleted',
) => Promise<unknown>;

export const REVOKE_GRANTS = Symbol('revokeGrants');
