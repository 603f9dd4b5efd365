import type {
  ApprovalRequest,
  ApprovalRequests,
  ApprovalResult,
  ApprovalProgress,
} from '../../data-plane/enforcement/request-approval.js';
import type { Change, EventStore } from '../../record/event-store/event-store.js';
import type { ApprovalStatus } from '../../record/event-log/events/index.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import type { Vault } from '../../platform/crypto/vault.js';
import { decideApprovalRequest, type ApproverDecision } from './approvals.js';
import { approvalStream } from './approvals.store.js';
import { expireOne } from './expiry.js';
import { enqueue } from './notifications/outbox.js';
import { storeArguments } from './sealed-arguments.js';

const MAX_PENDING = 100;
const MAX_BYTES = 256 * 1024;

type Current = {
  id: string;
  status: ApprovalStatus;
  decisions: readonly ApproverDecision[];
  expires_at: Date;
  past: boolean;
};

/** The rule tells a tool from a prompt of the same name. */
const SAME_CALL = `a.organization_id = $1 and a.grant_id = $2 and a.tool = $3 and a.arguments_digest = $4
  and a.definition_hash is not distinct from $5 and a.policy_id = $6 and a.policy_version = $7
  and a.rule is not distinct from $8`;

const sameCall = ({ organizationId, call }: ApprovalRequest): readonly unknown[] => [
  organizationId,
  call.grantId,
  call.tool,
  call.argumentsDigest,
  call.definitionHash,
  call.policyId,
  call.policyVersion,
  call.rule,
];

/** The approval of this very call that still counts. A use that was given back may leave two: then the approved one. */
const findCurrent = async (tx: Tx, asked: ApprovalRequest): Promise<Current | undefined> => {
  const { rows } = await tx.query<Current>(
    `select a.id, a.status, a.decisions, a.expires_at, a.expires_at <= now() as past from approvals a
     where ${SAME_CALL} and not (a.status = 'rejected' and a.expires_at <= now())
       and not exists (select 1 from approval_ends e where e.organization_id = a.organization_id
         and e.approval_id = a.id)
     order by a.status = 'approved' desc limit 1`,
    [...sameCall(asked)],
  );
  return rows[0];
};

const resultOf = ({ id: approvalId, status, decisions, expires_at: expiresAt }: Current): ApprovalResult => {
  switch (status) {
    case 'pending':
      return { status, approvalId, expiresAtMs: expiresAt.getTime() };
    case 'rejected':
      return { status, approvalId, comment: decisions.at(-1)?.comment ?? null };
    default:
      return { status, approvalId };
  }
};

/** True for the one who is told that the approval has expired. */
const claimExpiry = async (tx: Tx, organizationId: string, approvalId: string): Promise<boolean> => {
  const { rowCount } = await tx.query(
    `insert into approval_ends(organization_id, approval_id, call_id, ended_as) values ($1, $2, '', 'expired')
      on conflict do nothing`,
    [organizationId, approvalId],
  );
  return rowCount === 1;
};

/** What stands now; undefined when nothing does. */
const findResult = async (tx: Tx, asked: ApprovalRequest): Promise<ApprovalResult | undefined> => {
  const current = await findCurrent(tx, asked);
  if (!current) return undefined;
  if (!current.past) return resultOf(current);
  return (await claimExpiry(tx, asked.organizationId, current.id))
    ? { status: 'expired', approvalId: current.id }
    : undefined;
};

const findRefusal = async (
  tx: Tx,
  { organizationId, call, argumentsJson, otherParamsJson = '' }: ApprovalRequest,
): Promise<ApprovalResult | undefined> => {
  if (Buffer.byteLength(argumentsJson) + Buffer.byteLength(otherParamsJson) > MAX_BYTES)
    return {
      status: 'refused',
      reason:
        `${call.tool} needs a person's approval, and the call says over ${MAX_BYTES / 1024} KiB, more ` +
        'than can be shown to one',
    };
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from approvals where organization_id = $1 and grant_id = $2 and status = 'pending'
      and expires_at > now()`,
    [organizationId, call.grantId],
  );
  if ((rows[0]?.count ?? 0) < MAX_PENDING) return undefined;
  return {
    status: 'refused',
    reason: `${call.tool} needs a person's approval, and ${MAX_PENDING} calls of this grant wait for one already`,
  };
};

/**
 * Opens an approval, unless one stands by now: changes of an organization follow one another, so that two gateways
 * don't open two.
 */
const open = async (change: Change, vault: Vault, asked: ApprovalRequest): Promise<ApprovalResult> => {
  const { tx, now } = change;
  const { organizationId, call, count } = asked;
  const standing = (await findResult(tx, asked)) ?? (await findRefusal(tx, asked));
  if (standing) return standing;
  const { rows } = await tx.query<{ id: string }>(
    `select a.id from approvals a where ${SAME_CALL} and a.status = 'pending'`,
    [...sameCall(asked)],
  );
  for (const { id } of rows) await expireOne(change, id);
  const approvalId = newId('apr', now.getTime());
  const expiresAt = new Date(now.getTime() + asked.expiresInMs);
  await change.apply(approvalStream, approvalId, () =>
    decideApprovalRequest(approvalId, undefined, { call, count, expiresAt: expiresAt.toISOString() }),
  );
  await storeArguments(tx, vault, { organizationId, approvalId }, asked);
  await enqueue(tx, organizationId, { approvalId, type: 'approval.requested' });
  return { status: 'pending', approvalId, expiresAtMs: expiresAt.getTime() };
};

type ProgressRow = {
  status: ApprovalStatus;
  decided_at: string | null;
  requested_at: Date;
  expires_at: Date;
  past: boolean;
  ended_as: 'used' | 'expired' | null;
  ended_at: Date | null;
};

const PROGRESS = `select a.status, a.decisions->-1->>'time' as decided_at, a.requested_at, a.expires_at,
  a.expires_at <= now() as past, e.ended_as, e.at as ended_at
  from approvals a left join approval_ends e on e.organization_id = a.organization_id and e.approval_id = a.id
    where a.organization_id = $1 and a.grant_id = $2 and a.id = $3`;

const statusOf = ({ status, past, ended_as: endedAs }: ProgressRow): ApprovalProgress['status'] => {
  if (endedAs === 'used' || status === 'rejected') return endedAs === 'used' ? 'used' : 'rejected';
  if (past) return 'expired';
  return status === 'expired' || endedAs === 'expired' ? 'withdrawn' : status;
};

const findProgress = async (
  tx: Tx,
  { organizationId, grantId, approvalId }: Parameters<ApprovalRequests['find']>[0],
): Promise<ApprovalProgress | undefined> => {
  const { rows } = await tx.query<ProgressRow>(PROGRESS, [organizationId, grantId, approvalId]);
  const [row] = rows;
  if (!row) return undefined;
  const status = statusOf(row);
  const since = status === 'used' ? row.ended_at : row.decided_at === null ? null : new Date(row.decided_at);
  return { status, since: since ?? row.requested_at, requestedAt: row.requested_at, expiresAt: row.expires_at };
};

const USE = `insert into approval_ends(organization_id, approval_id, call_id, ended_as)
  select organization_id, id, $3, 'used' from approvals where organization_id = $1 and id = $2 and status = 'approved'
    and expires_at > now() on conflict do nothing`;

/**
 * Approvals as gateways need them: over the database and the event store, in any process. An approval that was opened
 * is committed when `standing` answers.
 */
export const makeApprovalRequests = ({
  database,
  store,
  vault,
}: Readonly<{ database: Database; store: EventStore; vault: Vault }>): ApprovalRequests => ({
  request: async (asked) => {
    const { organizationId, call } = asked;
    // It may write that the grant was told of an expiry: the gateway's own note, which needs nobody's authority.
    const standing = await database.changeInOrganization(
      organizationId,
      async (tx) => (await findResult(tx, asked)) ?? findRefusal(tx, asked),
      'enforcement',
    );
    return (
      standing ??
      store.change({ organizationId, actor: { type: 'grant', id: call.grantId } }, (change) =>
        open(change, vault, asked),
      )
    );
  },
  use: async (organizationId, approvalId, callId) =>
    (await database.worker.query(USE, [organizationId, approvalId, callId])).rowCount === 1,
  find: (of) => store.read(of.organizationId, (tx) => findProgress(tx, of)),
  withdraw: ({ organizationId, grantId, approvalId }) =>
    store.change({ organizationId, actor: { type: 'grant', id: grantId } }, async (change) => {
      if (!(await findProgress(change.tx, { organizationId, grantId, approvalId }))) return;
      await expireOne(change, approvalId);
      await claimExpiry(change.tx, organizationId, approvalId);
    }),
  giveBack: async (organizationId, approvalId, callId) => {
    await database.worker.query(
      `delete from approval_ends where organization_id = $1 and approval_id = $2 and call_id = $3
        and ended_as = 'used'`,
      [organizationId, approvalId, callId],
    );
  },
});
