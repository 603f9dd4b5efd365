import { createHash } from 'node:crypto';
import { compilePolicy, type CompiledPolicy } from '../../policy-engine/compile.js';
import { policyHash } from '../../policy-engine/policy-hash.js';
import { readStoredPolicy } from '../../policy-engine/parse.js';
import type { Pins } from '../../policy-engine/pins.js';

/** Holds one object per key while anything else refers to it. */
class SharedObjects<T extends object> {
  readonly #byKey = new Map<string, WeakRef<T>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#byKey.get(key)?.deref() === undefined) this.#byKey.delete(key);
  });

  get(key: string, make: () => T): T {
    const known = this.#byKey.get(key)?.deref();
    if (known) return known;
    const made = make();
    this.#byKey.set(key, new WeakRef(made));
    this.#collected.register(made, key);
    return made;
  }
}

/** Stands for a document that this release can't enforce. Enforcing the rest of it would allow too much. */
const DENY_ALL: CompiledPolicy = compilePolicy({ version: '1', default: 'deny' });

/**
 * Compiles each policy document once: ten thousand grants under equal documents share the result. The garbage collector
 * takes what no policy uses any more.
 */
export class PolicyCache {
  readonly #compiled = new SharedObjects<CompiledPolicy>();

  /** The compiled form of a stored document. One that does not parse (a newer release's) denies every call. */
  get(document: unknown): CompiledPolicy {
    const read = readStoredPolicy(document);
    return read === undefined ? DENY_ALL : this.#compiled.get(policyHash(read), () => compilePolicy(read));
  }
}

/**
 * Reads the pins of policies once per content: policies that were published between two changes of a server share them.
 */
export class PinsCache {
  readonly #pins = new SharedObjects<Pins>();

  /** `pins` is JSON: definition hashes by the tool's name. */
  get({ pins, acceptances }: Readonly<{ pins: string; acceptances: number }>): Pins {
    const key = createHash('sha256').update(`${acceptances}|${pins}`).digest('base64');
    return this.#pins.get(key, () => ({
      hashes: new Map(Object.entries(JSON.parse(pins) as Record<string, string>)),
      acceptances,
    }));
  }
}
