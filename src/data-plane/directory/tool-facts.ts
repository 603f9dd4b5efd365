import type { CompiledSchema } from '../../policy-engine/facts.js';
import { isChanged, type Accepted, type Definition, type Pins } from '../../policy-engine/pins.js';
import { compiledSchemaOf } from './schema-cache.js';

type ToolRow = Readonly<{ name: string; definitionHash: string; inputSchema: unknown; accepted: Accepted | undefined }>;

/** A discovered tool. Its input schema is compiled when a policy first checks arguments against it. */
export class ToolFacts implements Definition {
  readonly definitionHash: string;
  readonly schema: unknown;
  readonly #row: ToolRow;
  #pins: Pins | undefined;
  #isChanged = false;

  constructor(known: ToolRow) {
    this.definitionHash = known.definitionHash;
    this.schema = known.inputSchema;
    this.#row = known;
  }

  /**
   * The compiled schema; a promise while it is being compiled. Undefined when it can't be compiled: a policy that
   * checks arguments then refuses the call.
   */
  inputSchemaFor(organizationId: string): CompiledSchema | undefined | Promise<CompiledSchema | undefined> {
    return compiledSchemaOf(this.definitionHash, this.schema, organizationId);
  }

  /** Remembered for the pins that were asked about last: policies of one server mostly share theirs. */
  isChangedFrom(pins: Pins): boolean {
    if (pins !== this.#pins) {
      this.#isChanged = isChanged(pins, this.#row, this.#row.accepted);
      this.#pins = pins;
    }
    return this.#isChanged;
  }
}
