import type { Tx } from '../platform/database.js';

/** A record without its bytes: what projections count and searches go by. */
export type RecordRow = Readonly<{
  seq: number;
  recordedAt: Date;
  type: string;
  time: Date;
  callId: string | null;
  grantId: string | null;
  identityId: string | null;
  serverId: string | null;
  tool: string | null;
  effect: string | null;
  code: string | null;
  status: string | null;
}>;

/** A place in an organization's audit log: the next record has at least this `seq`, and was recorded at `recordedAt` or later (null: at any time). */
export type Place = Readonly<{ seq: number; recordedAt: Date | null }>;

/** The first place of every audit log. */
export const BEGINNING: Place = { seq: 1, recordedAt: null };

/**
 * The organization's next records, in order of `seq`. What retention dropped is left out, so the first one may be later than asked for.
 * `recordedAt` keeps PostgreSQL from looking into days that are over.
 */
export const readRecords = async (tx: Tx, organizationId: string, from: Place, limit: number): Promise<readonly RecordRow[]> => {
  const { rows } = await tx.query<RecordRow>(
    `select seq, recorded_at as "recordedAt", type, time, call_id as "callId", grant_id as "grantId", identity_id as "identityId", server_id as "serverId",
       tool, effect, code, status
     from audit_records where organization_id = $1 and recorded_at >= coalesce($3::timestamptz, '-infinity') and seq >= $2 order by recorded_at, seq limit $4`,
    [organizationId, from.seq, from.recordedAt, limit],
  );
  return rows;
};

/** Where the next record of each organization's audit log will stand; 1 for one that has none. */
export const nextSeq = async (tx: Tx, organizationId: string): Promise<number> => {
  const { rows } = await tx.query<{ next_seq: number }>('select next_seq from audit_heads where organization_id = $1', [organizationId]);
  return rows[0]?.next_seq ?? 1;
};
