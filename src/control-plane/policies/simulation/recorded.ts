import type { DecisionCode, Effect, ToolCallDecided } from '../../../record/event-log/events/index.js';
import type { CompiledPolicy } from '../../../policy-engine/compile.js';
import type { Scope, Window } from '../../../policy-engine/document.js';
import { kindOfMethod } from '../../../policy-engine/kind-of-method.js';
import type { RecordedDecision } from '../../../policy-engine/replay/recorded-decision.js';
import type { History } from './history.js';

/** Refusals that no policy made, and that none would have kept from being made. */
const CODES_OF_NO_POLICY: ReadonlySet<DecisionCode> = new Set([
  'disabled',
  'stale_directory',
  'audit_unavailable',
  'limits_unavailable',
  'tool_changed',
  'method_not_governed',
  'malformed',
  'overloaded',
]);

/** Leaving off takes nothing from limits. */
const UNCOUNTED_METHOD = 'resources/unsubscribe';

/** What was said of calls that a policy held for people to approve, whatever became of their approval. */
const HELD_CODES: ReadonlySet<DecisionCode> = new Set(['approval_required', 'approval_rejected', 'approval_expired']);

/** What the policy did with a call. */
export const recordedEffect = ({ code, effect }: ToolCallDecided): Effect => (HELD_CODES.has(code) ? 'hold' : effect);

/**
 * A decision that a policy can be asked about; undefined for one that does not depend on it, or whose method does not
 * tell what it names.
 */
export const toDecision = (
  event: ToolCallDecided,
  history: History,
  counts: RecordedDecision['counts'],
): RecordedDecision | undefined => {
  const { tool, method, code } = event;
  const kind = kindOfMethod(method);
  if (tool === null || kind === undefined || CODES_OF_NO_POLICY.has(code)) return undefined;
  const now = new Date(event.time);
  return {
    callId: event.callId,
    facts: {
      kind,
      tool,
      identity: history.identity(event, now.getTime()),
      organizationId: event.organizationId,
      grantId: event.grantId,
      serverId: event.serverId,
      sessionId: event.sessionId ?? undefined,
      sourceIp: event.sourceIp ?? undefined,
      clientName: event.client?.name,
      approved: event.approvalId !== undefined && !HELD_CODES.has(code),
      now,
    },
    argumentKeys: event.argumentKeys,
    hasArguments: event.argumentsDigest !== null,
    counts: method === UNCOUNTED_METHOD ? 'never' : counts,
    reserved: event.reserved.map(({ counter, window, scope, amount }) => ({
      counter,
      window: window as Window,
      scope: scope as Scope,
      amount,
    })),
    ...underOf(event, history.policy(event)),
  };
};

/** The version that decided and its rule; nothing for a refusal by none of its rules, which tells nothing of them. */
const underOf = (
  { would, effect, rule }: ToolCallDecided,
  policy: CompiledPolicy | undefined,
): Pick<RecordedDecision, 'under'> => {
  const refused = would !== undefined || effect !== 'allow';
  const refusedBy = refused ? (would ? would.rule : rule) : null;
  return policy === undefined || (refused && refusedBy === null) ? {} : { under: { policy, refusedBy } };
};
