import type { CompiledSchema } from '../../policy-engine/facts.js';
import { compileInputSchema } from '../../policy-engine/input-schema.js';

/** Compiled schemas weigh at most this much together; the longest unused go first. */
const MAX_WEIGHT = 64 * 1024 * 1024;
/** What a compiled schema takes at least, in bytes, and for each character of its text. */
const WEIGHT_PER_SCHEMA = 50_000;
const WEIGHT_PER_CHARACTER = 20;

type CacheEntry = Readonly<{ schema: CompiledSchema | undefined; weight: number }>;

/**
 * Input schemas of tools, compiled, by the hash of the definition that they stand in: facts that are loaded anew
 * compile nothing again, and servers with the same tools share. Compiling goes on between other work, a slice a turn of
 * the event loop.
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
      // What fails in a way that nobody thought of can't be checked: the calls that wait for it are refused.
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

/** One for the process: a schema is compiled once, whoever's server has it. */
const shared = new SchemaCache();

/** `owner`: the organization in whose name it is compiled. */
export const compiledSchemaOf = (
  definitionHash: string,
  schema: unknown,
  owner: string,
): CompiledSchema | undefined | Promise<CompiledSchema | undefined> => shared.get(definitionHash, schema, owner);
