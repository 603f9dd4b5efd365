import type { DecisionCode } from './tool-calls.js';
import type { ToolgateEvent } from './index.js';

/** The types of all events. The compiler refuses this table when it misses one. */
const types: Readonly<Record<ToolgateEvent['type'], true>> = {
  'organization.created': true,
  'organization.disabled': true,
  'organization.enabled': true,
  'member.joined': true,
  'member.roleChanged': true,
  'member.removed': true,
  'server.registered': true,
  'server.changed': true,
  'server.deleted': true,
  'tool.disabled': true,
  'tool.enabled': true,
  'tools.discovered': true,
  'tool.changed': true,
  'tool.accepted': true,
  'policy.published': true,
  'policy.deleted': true,
  'identity.created': true,
  'identity.changed': true,
  'identity.disabled': true,
  'identity.enabled': true,
  'identity.deleted': true,
  'grant.issued': true,
  'grant.changed': true,
  'grant.disabled': true,
  'grant.enabled': true,
  'grant.rotated': true,
  'grant.revoked': true,
  'approval.requested': true,
  'approval.decided': true,
  'approval.expired': true,
  'approvalNotifications.changed': true,
  'notifications.changed': true,
  'apiKey.issued': true,
  'apiKey.revoked': true,
  'invitation.sent': true,
  'invitation.withdrawn': true,
  'member.passwordChanged': true,
  'member.passwordResetIssued': true,
  'session.ended': true,
  'session.restarted': true,
  'audit.read': true,
  'audit.exported': true,
  'audit.suppressed': true,
  'audit.gap': true,
  'gateway.started': true,
  'gateway.stopped': true,
  'toolCall.decided': true,
  'toolCall.completed': true,
};

/** The codes of all decisions. The compiler refuses this table when it misses one. */
const codes: Readonly<Record<DecisionCode, true>> = {
  allowed: true,
  denied_by_rule: true,
  hidden: true,
  not_listed: true,
  argument_rule: true,
  arguments_invalid: true,
  rate_limited: true,
  limits_unavailable: true,
  approval_required: true,
  approval_rejected: true,
  approval_expired: true,
  no_policy: true,
  disabled: true,
  tool_changed: true,
  stale_directory: true,
  overloaded: true,
  audit_unavailable: true,
  method_not_governed: true,
  malformed: true,
};

/** Every type that an event can have. */
export const EVENT_TYPES: readonly string[] = Object.keys(types);

/** Every code that a decision can have. */
export const DECISION_CODES: readonly string[] = Object.keys(codes);
