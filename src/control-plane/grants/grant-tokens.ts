import type { Change } from '../../record/event-store/event-store.js';
import { newToken, tokenHash } from '../../platform/crypto/tokens.js';

/**
 * Gives a grant one more token that has no end of its own, keeping only its hash, and answers the token: this is the
 * one time it is known.
 */
export const addToken = async ({ tx, caller }: Change, grantId: string): Promise<string> => {
  const token = newToken('grant', grantId);
  await tx.query('insert into grant_tokens(organization_id, grant_id, token_hash) values ($1, $2, $3)', [
    caller.organizationId,
    grantId,
    tokenHash(token),
  ]);
  return token;
};

/**
 * Ends the current token `graceSeconds` from now, at once for 0. A token that still lives from an earlier grace ends
 * now, so that with the token that follows there are never more than two.
 */
export const retireTokens = async (
  { tx, caller, now }: Change,
  grantId: string,
  graceSeconds: number,
): Promise<void> => {
  await tx.query(
    'delete from grant_tokens where organization_id = $1 and grant_id = $2 and (expires_at is not null or $3::int = 0)',
    [caller.organizationId, grantId, graceSeconds],
  );
  await tx.query('update grant_tokens set expires_at = $3::timestamptz where organization_id = $1 and grant_id = $2', [
    caller.organizationId,
    grantId,
    new Date(now.getTime() + graceSeconds * 1000).toISOString(),
  ]);
};

/** Ends all tokens of a grant at once. */
export const dropTokens = async ({ tx, caller }: Change, grantId: string): Promise<void> => {
  await tx.query('delete from grant_tokens where organization_id = $1 and grant_id = $2', [
    caller.organizationId,
    grantId,
  ]);
};
