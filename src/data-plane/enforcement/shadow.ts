import type { PolicyFacts } from '../directory/facts.js';
import type { Effect, ToolCallDecided } from '../../record/event-log/events/index.js';
import { decide, type Facts } from '../../policy-engine/decide.js';

/**
 * What a grant's shadow policy answers, when that is another effect than what was decided. It answers as if enforced,
 * whatever its mode. Rules are compared with rules: its limits count nowhere and refuse nothing, so `decided` is the
 * decision before limits are reserved. Changes nothing.
 */
export const shadowOf = (shadow: PolicyFacts, facts: Facts, decided: Effect): ToolCallDecided['shadow'] => {
  const decision = decide(shadow.compiled, facts, shadow.pins);
  const { effect, code, rule } = decision.would ?? decision;
  return effect === decided ? undefined : { policyId: shadow.id, policyVersion: shadow.version, effect, code, rule };
};
