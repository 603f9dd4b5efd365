import { decide, type Decision, type Facts } from '../../policy-engine/decide.js';
import type { GovernedCall } from './call.js';

/** What the policy of a call says about it; undefined when its grant has none. */
export const judge = ({ who }: GovernedCall, facts: Facts): Decision | undefined =>
  who.policy && decide(who.policy.compiled, facts, who.policy.pins);
