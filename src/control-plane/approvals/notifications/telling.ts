import type { ReadMessage, Told } from '../../notifications/deliver.js';
import { APPROVALS } from '../../notifications/subjects.js';
import { findApproval } from '../approvals.store.js';
import { requestMail, webhookBody } from './message.js';

const read: ReadMessage = async (tx, { organizationId, about, type }, publicUrl) => {
  const shown = await findApproval(tx, { organizationId, now: new Date() }, about);
  if (!shown || (type === 'approval.requested' && shown.status !== 'pending')) return undefined;
  return {
    webhookBody: (now) => webhookBody(publicUrl, type, shown, now),
    mail: () => requestMail(publicUrl, shown),
  };
};

/** Requests for approval and what becomes of them, for `startDelivery`. */
export const TELLING_APPROVALS: Told = { subject: APPROVALS, read };
