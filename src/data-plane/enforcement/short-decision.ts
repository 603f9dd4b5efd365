import { clip } from '../../platform/runtime/clip.js';
import type { Unnumbered } from '../../record/event-log/event-text.js';

const MAX_KEYS = 20;
const MAX_NAME_LENGTH = 1024;
const MAX_RULE_LENGTH = 512;
const MAX_COPY_LENGTH = 256;

const clipRule = (rule: string | null, length: number): string | null => (rule === null ? null : clip(rule, length));

/**
 * A decision that would be too long for a record, cut so that it never is: its texts keep their beginnings, and of the
 * names of arguments the first remain. Only texts full of characters that JSON escapes are so long. What was reserved
 * stays, and so does everything with an id.
 */
export const shortDecision = (decision: Unnumbered): Unnumbered => {
  const { tool, rule, reason, argumentKeys, would, shadow } = decision;
  return {
    ...decision,
    tool: clipRule(tool, MAX_NAME_LENGTH),
    rule: clipRule(rule, MAX_RULE_LENGTH),
    reason: clip(reason, MAX_COPY_LENGTH),
    argumentKeys: argumentKeys.slice(0, MAX_KEYS),
    would: would && { ...would, rule: clipRule(would.rule, MAX_COPY_LENGTH) },
    shadow: shadow && { ...shadow, rule: clipRule(shadow.rule, MAX_COPY_LENGTH) },
  };
};
