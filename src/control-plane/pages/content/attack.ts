import type { Category } from '../../../policy-engine/classify/classify.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';

/** A definition of a tool, as the server of an example lists it. */
export type ExampleTool = Readonly<{ name: string; description: string; arguments: readonly string[] }>;

/**
 * One step of an example. A `call` gets `code` with its `effect`, `times` over; `from` is the address that it comes
 * from. A `list` shows the agent these tools. With `redefine` the server lists these tools from then on. `approve`:
 * a person approves the call that was held last.
 */
export type TrialStep =
  | Readonly<{
      call: string;
      arguments: Readonly<Record<string, unknown>>;
      effect: 'allow' | 'deny' | 'hold';
      code: string;
      times?: number;
      from?: string;
    }>
  | Readonly<{ list: readonly string[] }>
  | Readonly<{ redefine: readonly ExampleTool[]; says: string }>
  | Readonly<{ approve: string }>;

/**
 * A documented attack pattern. `policy` is what stops it, `trial` shows that it does: the tests run every step of it
 * in the gateway. `leaves` says what the policy does not stop.
 */
export type Attack = Readonly<{
  slug: string;
  title: string;
  summary: string;
  how: readonly string[];
  stops: readonly string[];
  leaves: readonly string[];
  categories: readonly Category[];
  tools: readonly ExampleTool[];
  attributes?: Readonly<Record<string, string>>;
  policy: PolicyDocument;
  trial: readonly TrialStep[];
}>;
