import { createHash } from 'node:crypto';
import { compilePolicy, type CompiledPolicy } from '../../policy-engine/compile.js';
import { policyHash } from '../../policy-engine/policy-hash.js';
import { readStoredPolicy } from '../../policy-engine/parse.js';
import type { Pins } from '../../policy-engine/pins.js';

/** One object for each key, for as long as somebody holds it. */
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

/** A document that this release can't enforce must refuse everything, not what is left of it. */
const DENY_ALL: CompiledPolicy = compilePolicy({ version: '1', default: 'deny' });

/**
 * Compiled policies, shared by content: ten thousand grants under equal documents hold one. What no policy uses any
 * more is collected.
 */
export class PolicyCache {
  readonly #compiled = new SharedObjects<CompiledPolicy>();

  /** The compiled form of a stored document. One that does not parse (a newer release's) denies every call. */
  get(document: unknown): CompiledPolicy {
    const read = readStoredPolicy(document);
    return read === undefined ? DENY_ALL : this.#compiled.get(policyHash(read), () => compilePolicy(read));
  }
}

/** Pins of policies, shared by content: those published while a server stayed as it was are equal. */
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
