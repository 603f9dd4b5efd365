import { oneLine } from '../../../platform/runtime/one-line.js';
import type { Mail } from '../../../platform/outbound/mail.js';
import { kindOf, type CallKind } from '../approvals.js';
import type { ShownApproval } from '../approvals.store.js';

/** Where an approver reads the arguments and decides: neither is in a notification. */
const urlOf = (publicUrl: string, id: string): string => `${publicUrl}/v1/approvals/${id}`;

/** The body of a webhook: what a reviewer needs to know to look, and no argument's value. */
export const webhookBody = (
  publicUrl: string,
  type: string,
  { id, status, approval, identityName, serverName }: ShownApproval,
  now: Date,
): string => {
  const { grantId, identityId, serverId, tool, policyId, policyVersion, rule, reason } = approval.call;
  const who = { grantId, identityId, identityName, serverId, serverName, kind: kindOf(approval.call), tool };
  const data = {
    approvalId: id,
    status,
    ...who,
    policyId,
    policyVersion,
    rule,
    reason,
    count: approval.count,
    expiresAt: approval.expiresAt,
    url: urlOf(publicUrl, id),
  };
  return JSON.stringify({ type, timestamp: now.toISOString(), data });
};

/** An agent chooses names of tools where a policy has patterns. */
const quoted = (text: string): string => `"${oneLine(text).replaceAll('"', "'")}"`;

const LABELS: Readonly<Record<CallKind, string>> = {
  tool: 'Tool:      ',
  resource: 'Resource:  ',
  prompt: 'Prompt:    ',
};

/** The mail to reviewers about a request. */
export const requestMail = (
  publicUrl: string,
  { id, approval, identityName, serverName }: ShownApproval,
): Pick<Mail, 'subject' | 'text'> => {
  const { call, count, expiresAt } = approval;
  const lines = [
    'An agent asks for the approval of a call.',
    '',
    `${LABELS[kindOf(call)]}${quoted(call.tool)} of ${quoted(serverName)}`,
    `Asked by:  ${quoted(identityName)}, grant ${call.grantId}`,
    `Reason:    ${quoted(call.reason)}`,
    `Needs:     ${count === 1 ? 'one person' : `${count} people`}, by ${expiresAt}`,
    '',
    'Its arguments are shown to approvers only:',
    urlOf(publicUrl, id),
    '',
  ];
  return { subject: `Approval wanted: ${oneLine(call.tool)}`, text: lines.join('\n') };
};
