import type { Change } from '../../record/event-store/event-store.js';
import type { Actor } from '../../record/event-log/events/index.js';
import type { MemberRole } from '../../platform/rest/allowed.js';
import type { Authority } from '../../platform/postgres/authority.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
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
    `insert into invitations(organization_id, id, email, role, token_hash, created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7)`,
    [change.caller.organizationId, id, email, role, tokenHash(token), change.now.toISOString(), expiresAt],
  );
  await change.appendFact(id, { type: 'invitation.sent', invitationId: id, email, role });
};

type ListedRow = Omit<Row, 'organization_id' | 'token_hash'> &
  SortKey & { invited_by: Actor; created_at: Date; expires_at: Date };

/** An open invitation as it is listed, without its token. */
export type ListedInvitation = Omit<OpenInvitation, 'organizationId'> &
  Readonly<{ invitedBy: Actor; createdAt: string; expiresAt: string }>;

const INVITATIONS: ListSource = {
  id: 'i.id',
  search: ['i.email'],
  sort: {
    email: textColumn('i.email'),
    role: textColumn('i.role'),
    createdAt: timeColumn('i.created_at'),
    expiresAt: timeColumn('i.expires_at'),
  },
};

/** The invitations that can be accepted. */
export const listInvitations = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (ListedInvitation & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(INVITATIONS, query, [organizationId]);
  const { rows } = await tx.query<ListedRow>(
    `select i.id, i.email, i.role, e.event->'actor' as invited_by, i.created_at, i.expires_at, ${sortKey} as sort_key
     from invitations i join events e on e.organization_id = i.organization_id and e.stream_id = i.id and e.version = 1
     where i.organization_id = $1 and ${OPEN} ${tail}`,
    values,
  );
  return rows.map(({ invited_by: invitedBy, created_at: createdAt, expires_at: expiresAt, ...row }) => ({
    ...row,
    invitedBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }));
};

/** Withdraws one open invitation; false when there is none. */
export const withdrawInvitation = async (change: Change, id: string): Promise<boolean> => {
  const { rows } = await change.tx.query<{ email: string }>(
    `delete from invitations where organization_id = $1 and id = $2 and ${OPEN} returning email`,
    [change.caller.organizationId, id],
  );
  if (!rows[0]) return false;
  const { email } = rows[0];
  await change.appendFact(id, { type: 'invitation.withdrawn', invitationId: id, email, reason: 'withdrawn' });
  return true;
};

/** Withdraws the open invitations to an e-mail address, as a newer one replaces them. */
export const replaceInvitationsTo = async (change: Change, email: string): Promise<void> => {
  const { rows } = await change.tx.query<{ id: string; email: string }>(
    `delete from invitations where organization_id = $1 and lower(email) = lower($2) and ${OPEN} returning id, email`,
    [change.caller.organizationId, email],
  );
  for (const { id, email: invited } of rows)
    await change.appendFact(id, { type: 'invitation.withdrawn', invitationId: id, email: invited, reason: 'replaced' });
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
