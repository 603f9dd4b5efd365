import type { Change } from '../../record/event-store/event-store.js';
import type { Actor } from '../../record/event-log/events/index.js';
import type { MemberRole } from '../../platform/rest/allowed.js';
import type { Authority } from '../../platform/postgres/authority.js';
import type { Database } from '../../platform/postgres/database.js';
import { Problem } from '../../platform/runtime/problems.js';
import { sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import { personBehind } from './person-behind.js';

/** An invitation that can still be accepted. */
export type OpenInvitation = Readonly<{ organizationId: string; id: string; email: string; role: MemberRole }>;

type Row = { organization_id: string; id: string; email: string; role: MemberRole; token_hash: Buffer };

// `now()` would be the time at which the transaction began, before it waited for its turn.
const OPEN = 'accepted_at is null and expires_at > clock_timestamp()';

/** The refusal of a token whose invitation can't be accepted, whatever the cause. */
export const invitationSpent = (): Problem =>
  new Problem('not_found', 'This invitation was used, has expired or does not exist. Ask for a new one.');

/** The authority of an invitation's bearer: the invitation must still be open when the change gets its turn. */
export const authorityOfInvitation =
  ({ organizationId, id }: OpenInvitation): Authority =>
  async (tx) => {
    const { rowCount } = await tx.query(
      `select 1 from invitations where organization_id = $1 and id = $2 and ${OPEN} for update`,
      [organizationId, id],
    );
    if (rowCount !== 1) throw invitationSpent();
  };

/** The open invitation of a token. @throws Problem not_found */
export const findInvitation = async (db: Database, token: string): Promise<OpenInvitation> => {
  const tokenId = tokenObjectId('invite', token);
  if (!tokenId) throw invitationSpent();
  const { rows } = await db.signIn.query<Row>(
    `select organization_id, id, email, role, token_hash from invitations where id = $1 and ${OPEN}`,
    [`inv_${tokenId}`],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) throw invitationSpent();
  return { organizationId: row.organization_id, id: row.id, email: row.email, role: row.role };
};

/** Stores a new invitation with the hash of its token, and records that it was sent. */
export const insertInvitation = async (
  change: Change,
  { id, email, role, expiresAt, token }: Omit<OpenInvitation, 'organizationId'> & { expiresAt: string; token: string },
): Promise<void> => {
  await change.tx.query(
    `insert into invitations(organization_id, id, email, role, token_hash, expires_at)
      values ($1, $2, $3, $4, $5, $6)`,
    [change.caller.organizationId, id, email, role, tokenHash(token), expiresAt],
  );
  await change.appendFact(id, { type: 'invitation.sent', invitationId: id, email, role });
};

/** Marks an invitation as accepted. @throws Problem not_found when it can't be accepted any more */
export const acceptInvitation = async (
  { tx }: Change,
  { organizationId, id }: OpenInvitation,
): Promise<Readonly<{ role: MemberRole; email: string }>> => {
  const { rows } = await tx.query<{ role: MemberRole; email: string }>(
    `update invitations set accepted_at = now() where organization_id = $1 and id = $2 and ${OPEN}
      returning role, email`,
    [organizationId, id],
  );
  if (!rows[0]) throw invitationSpent();
  return rows[0];
};

/** Deletes all open invitations to an e-mail address. */
export const deleteInvitationsTo = async ({ tx, caller }: Change, email: string): Promise<void> => {
  await tx.query(
    'delete from invitations where organization_id = $1 and lower(email) = lower($2) and accepted_at is null',
    [caller.organizationId, email],
  );
};

/**
 * Deletes the open invitations that a member sent, also through an API key: who may invite nobody any more must not
 * come back, or let in others, by an old invitation.
 */
export const deleteInvitationsBy = async (
  { tx, caller: { organizationId } }: Change,
  memberId: string,
): Promise<void> => {
  const { rows } = await tx.query<{ id: string; actor: Actor }>(
    `select i.id, e.event->'actor' as actor from invitations i join events e on e.organization_id = i.organization_id
      and e.stream_id = i.id and e.type = 'invitation.sent'
     where i.organization_id = $1 and i.accepted_at is null and i.expires_at > now()`,
    [organizationId],
  );
  for (const { id, actor } of rows)
    if ((await personBehind(tx, organizationId, actor)) === memberId)
      await tx.query('delete from invitations where organization_id = $1 and id = $2', [organizationId, id]);
};
