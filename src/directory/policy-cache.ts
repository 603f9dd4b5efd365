import { compilePolicy, policyHash, type CompiledPolicy } from '../policy-engine/compile.js';
import { parsePolicy } from '../policy-engine/parse.js';

/** A document that this release can't enforce must refuse everything, not what is left of it. */
const DENY_ALL: CompiledPolicy = compilePolicy({ version: '1', default: 'deny' });

/** Compiled policies, shared by content: ten thousand grants under equal documents hold one. What no policy uses any more is collected. */
export class PolicyCache {
  readonly #byHash = new Map<string, WeakRef<CompiledPolicy>>();
  readonly #collected = new FinalizationRegistry<string>((hash) => {
    if (this.#byHash.get(hash)?.deref() === undefined) this.#byHash.delete(hash);
  });

  /** The compiled form of a stored document. One that does not parse (a newer release's) denies every call. */
  compiled(document: unknown): CompiledPolicy {
    const parsed = parsePolicy(document);
    if (!parsed.ok) return DENY_ALL;
    const hash = policyHash(parsed.document);
    const known = this.#byHash.get(hash)?.deref();
    if (known) return known;
    const compiled = compilePolicy(parsed.document);
    this.#byHash.set(hash, new WeakRef(compiled));
    this.#collected.register(compiled, hash);
    return compiled;
  }
}
