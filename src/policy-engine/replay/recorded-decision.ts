import type { Facts } from '../facts.js';
import type { Scope, Window } from '../document.js';
import type { CompiledPolicy } from '../compile.js';
import { unkept } from '../conditions/unkept.js';

/** A decision as the record keeps it: all that was known of the call but the values of its arguments. */
export type RecordedDecision = Readonly<{
  callId: string;
  facts: Omit<Facts, 'arguments' | 'amounts' | 'inputSchema'>;
  /** The sorted top-level names of the arguments, shortened and cut off as the record does. */
  argumentKeys: readonly string[];
  hasArguments: boolean;
  /**
   * Whether a call that is allowed counts in its limits: `perhaps` when its outcome says that it was not sent, or may
   * say so, as limits are given back then; `never` for methods that take nothing.
   */
  counts: 'surely' | 'perhaps' | 'never';
  reserved: readonly Readonly<{ counter: string; window: Window; scope: Scope; amount: number }>[];
  /** The version of the policy that decided, and the rule that refused, or would have; null when none did. */
  under?: Readonly<{ policy: CompiledPolicy; refusedBy: string | null }>;
}>;

const MAX_RECORDED_KEYS = 100;
/** A name may have been shortened to 64 units, or to 63 so as not to cut a character in two. */
const SHORTENED_KEY_LENGTH = 63;

/**
 * The arguments as far as the record tells: a resource's URI; else which there were, and none of their values. `unkept`
 * when even the names are not all there.
 */
export function recordedArguments({ argumentKeys: keys, hasArguments, facts }: RecordedDecision): unknown {
  if (!hasArguments) return undefined;
  if (facts.kind === 'resource') return { uri: facts.tool };
  if (keys.length >= MAX_RECORDED_KEYS || keys.some((key) => key.length >= SHORTENED_KEY_LENGTH)) return unkept;
  return Object.fromEntries(keys.map((key) => [key, unkept]));
}
