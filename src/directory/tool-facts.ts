import type { CompiledSchema } from '../policy-engine/facts.js';
import { compileInputSchema } from '../policy-engine/input-schema.js';
import { isChanged, type Accepted, type Definition, type Pins } from '../policy-engine/pins.js';

type Known = Readonly<{ name: string; definitionHash: string; inputSchema: unknown; accepted: Accepted | undefined }>;

/** A discovered tool as decisions need it. Its input schema is compiled when a policy first checks arguments against it, and once. */
export class ToolFacts implements Definition {
  readonly definitionHash: string;
  readonly schema: unknown;
  readonly #known: Known;
  #compiled: CompiledSchema | undefined;
  #isCompiled = false;
  #pins: Pins | undefined;
  #isChanged = false;

  constructor(known: Known) {
    this.definitionHash = known.definitionHash;
    this.schema = known.inputSchema;
    this.#known = known;
  }

  /** Undefined when the schema can't be checked: a policy that wants it checked refuses the call then. */
  get inputSchema(): CompiledSchema | undefined {
    if (!this.#isCompiled) {
      this.#compiled = compileInputSchema(this.schema);
      this.#isCompiled = true;
    }
    return this.#compiled;
  }

  /** Remembered for the pins that were asked about last: policies of one server mostly share theirs. */
  isChangedFrom(pins: Pins): boolean {
    if (pins !== this.#pins) {
      this.#isChanged = isChanged(pins, this.#known, this.#known.accepted);
      this.#pins = pins;
    }
    return this.#isChanged;
  }
}
