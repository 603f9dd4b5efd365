import type { Change } from '../../record/event-store/event-store.js';
import { Problem } from '../../platform/runtime/problems.js';
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

/** As many tokens of a grant live at once: the current one, and those in the graces of earlier rotations. */
const MAX_LIVE_TOKENS = 20;

/**
 * Ends the current token `graceSeconds` from now, at once for 0. A token in the grace of an earlier rotation keeps the
 * end that it was promised. @throws Problem conflict when as many tokens live as may
 */
export const retireTokens = async (
  { tx, caller, now }: Change,
  grantId: string,
  graceSeconds: number,
): Promise<void> => {
  const of = [caller.organizationId, grantId];
  await tx.query(
    `delete from grant_tokens where organization_id = $1 and grant_id = $2
      and (expires_at <= $3::timestamptz or (expires_at is null and $4::int = 0))`,
    [...of, now.toISOString(), graceSeconds],
  );
  const { rowCount } = await tx.query(
    `update grant_tokens set expires_at = coalesce(expires_at, $3::timestamptz)
      where organization_id = $1 and grant_id = $2`,
    [...of, new Date(now.getTime() + graceSeconds * 1000).toISOString()],
  );
  if ((rowCount ?? 0) >= MAX_LIVE_TOKENS)
    throw new Problem('conflict', `${MAX_LIVE_TOKENS} tokens of the grant live. Wait until one of them ends.`);
};

/** Ends all tokens of a grant at once. */
export const dropTokens = async ({ tx, caller }: Change, grantId: string): Promise<void> => {
  await tx.query('delete from grant_tokens where organization_id = $1 and grant_id = $2', [
    caller.organizationId,
    grantId,
  ]);
};
