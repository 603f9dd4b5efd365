import type { CompiledSchema } from '../policy-engine/facts.js';
import { compileInputSchema } from '../policy-engine/input-schema.js';

/** A discovered tool as decisions need it. Its input schema is compiled when a policy first checks arguments against it, and once. */
export class ToolFacts {
  readonly definitionHash: string;
  readonly schema: unknown;
  #compiled: CompiledSchema | undefined;
  #isCompiled = false;

  constructor(definitionHash: string, inputSchema: unknown) {
    this.definitionHash = definitionHash;
    this.schema = inputSchema;
  }

  /** Undefined when the schema can't be checked: a policy that wants it checked refuses the call then. */
  get inputSchema(): CompiledSchema | undefined {
    if (!this.#isCompiled) {
      this.#compiled = compileInputSchema(this.schema);
      this.#isCompiled = true;
    }
    return this.#compiled;
  }
}
