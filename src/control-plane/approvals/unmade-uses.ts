import type { Tx } from '../../platform/postgres/database.js';

/** Uses before it were given back by their gateways, for as long as those tried. */
const MAX_USE_AGE = `interval '15 minutes'`;

/**
 * Gives back the uses of approvals whose calls were never made: their gateway died before their decision was in the
 * log. `until` is the latest time of a use after which nothing of its call can still come to the log, and all that is
 * in the log must be on record; `from` is when that gateway was last seen. Answers how many there were.
 */
export const giveBackUnmade = async (
  tx: Pick<Tx, 'query'>,
  { from, until }: Readonly<{ from: Date; until: Date }>,
): Promise<number> => {
  const { rowCount } = await tx.query(
    `delete from approval_ends e using approvals a
     where e.ended_as = 'used' and e.at > $1::timestamptz - ${MAX_USE_AGE} and e.at <= $2
       and a.organization_id = e.organization_id and a.id = e.approval_id
       and not exists (select 1 from audit_records r where r.organization_id = e.organization_id
         and r.grant_id = a.grant_id and r.recorded_at >= e.at - interval '1 minute' and r.call_id = e.call_id
         and r.effect = 'allow')`,
    [from, until],
  );
  return rowCount ?? 0;
};
