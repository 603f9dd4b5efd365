import { decide, type Decision, type Facts } from '../../policy-engine/decide.js';
import type { GovernedCall } from './call.js';
import { refusal } from './refusals.js';

/** What the policy of the call's grant decides; a refusal when the grant has none. */
export const judge = ({ who }: GovernedCall, facts: Facts): Decision =>
  who.policy ? decide(who.policy.compiled, facts, who.policy.pins) : refusal('no_policy', 'this grant has no policy');
