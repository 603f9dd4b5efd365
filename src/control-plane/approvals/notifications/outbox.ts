import type { Tx } from '../../../platform/postgres/database.js';
import { newId } from '../../../platform/crypto/ids.js';
import { MAX_MAILS_PER_HOUR } from '../../notifications/outbox.js';

/** What is told of an approval, in the words of its events. Mail tells of requests only. */
export type NotificationType = 'approval.requested' | 'approval.decided' | 'approval.expired';

const ENQUEUE = `insert into approval_outbox(organization_id, id, approval_id, channel, type)
  select n.organization_id, u.id, $2, u.channel, $3
    from approval_notifications n, (values ($4, 'webhook'), ($5, 'mail')) u(id, channel)
  where n.organization_id = $1 and case u.channel when 'webhook' then n.webhook_origin is not null
    else $3 = 'approval.requested' and jsonb_array_length(n.emails) > 0
    and (select count(*) from approval_outbox o where o.organization_id = $1 and o.channel = 'mail'
      and o.created_at > now() - interval '1 hour') < ${MAX_MAILS_PER_HOUR} end`;

/**
 * Owes an organization's channels a notification, in the transaction of what it tells of. A flood of requests becomes
 * no flood of mail.
 */
export const enqueue = async (
  tx: Tx,
  organizationId: string,
  about: Readonly<{ approvalId: string; type: NotificationType }>,
): Promise<void> => {
  await tx.query(ENQUEUE, [organizationId, about.approvalId, about.type, newId('msg'), newId('msg')]);
};
