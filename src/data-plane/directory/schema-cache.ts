import type { CompiledSchema } from '../../policy-engine/facts.js';
import { compileInputSchema } from '../../policy-engine/input-schema.js';

/** The estimated memory of all compiled schemas. The least recently used are dropped first. */
const MAX_WEIGHT = 64 * 1024 * 1024;
/** The estimated memory of a compiled schema in bytes: a fixed part, and a part per character of its text. */
const WEIGHT_PER_SCHEMA = 50_000;
const WEIGHT_PER_CHARACTER = 20;

type CacheEntry = Readonly<{ schema: CompiledSchema | undefined; weight: number }>;

/**
 * Compiles input schemas of tools, and keeps them by the hash of the tool's definition: loading the facts again
 * compiles nothing, and servers with the same tools share. The compiler yields to other work after each slice.
 */
export class SchemaCache {
  readonly #entries = new Map<string, CacheEntry>();
  readonly #compiling = new Map<string, Promise<CompiledSchema | undefined>>();
  #weight = 0;

  /** The compiled schema of a definition: at once when it is kept. Undefined for one that can't be checked. */
  get(
    definitionHash: string,
    schema: unknown,
    owner = 'nobody',
  ): CompiledSchema | undefined | Promise<CompiledSchema | undefined> {
    const known = this.#entries.get(definitionHash);
    if (known === undefined) return this.#compile(definitionHash, schema, owner);
    this.#entries.delete(definitionHash);
    this.#entries.set(definitionHash, known);
    return known.schema;
  }

  #compile(definitionHash: string, schema: unknown, owner: string): Promise<CompiledSchema | undefined> {
    const underWay = this.#compiling.get(definitionHash);
    if (underWay) return underWay;
    const compiling = compileInputSchema(schema, owner)
      // An unexpected failure means that arguments can't be checked: the calls that wait for the schema are refused.
      .catch(() => undefined)
      .then((compiled) => this.#keep(definitionHash, compiled, schema))
      .finally(() => this.#compiling.delete(definitionHash));
    this.#compiling.set(definitionHash, compiling);
    return compiling;
  }

  #keep(definitionHash: string, schema: CompiledSchema | undefined, source: unknown): CompiledSchema | undefined {
    const weight =
      schema === undefined ? 1000 : WEIGHT_PER_SCHEMA + WEIGHT_PER_CHARACTER * JSON.stringify(source).length;
    this.#entries.set(definitionHash, { schema, weight });
    this.#weight += weight;
    for (const [oldest, kept] of this.#entries) {
      if (this.#weight <= MAX_WEIGHT) break;
      this.#entries.delete(oldest);
      this.#weight -= kept.weight;
    }
    return schema;
  }
}

/** One per process: a schema is compiled once, whichever server has it. */
const shared = new SchemaCache();

/** The compiled schema of a definition, as `SchemaCache.get`. `owner`: the organization whose turn compiling takes. */
export const compiledSchemaOf = (
  definitionHash: string,
  schema: unknown,
  owner: string,
): CompiledSchema | undefined | Promise<CompiledSchema | undefined> => shared.get(definitionHash, schema, owner);
