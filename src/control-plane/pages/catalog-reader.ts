import { Problem } from '../../platform/runtime/problems.js';
import { RISKS } from '../../policy-engine/classify/classify.js';
import type { CatalogService } from '../catalog/catalog.service.js';
import type { CatalogPort, CatalogTotals } from './catalog-port.js';

const TOTALS_FRESH_MS = 10_000;
const MAX_SIMILAR = 8;
/** Whose turn it is when the totals are read for everybody. */
const EVERYBODY = 'pages';

/**
 * Reads the totals of the catalog at most every ten seconds, however many pages want them. Until they are read again,
 * and where that fails, those that are known are good.
 */
export class CatalogVersion {
  readonly #catalog: CatalogService;
  #totals: Promise<CatalogTotals> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(catalog: CatalogService) {
    this.#catalog = catalog;
  }

  totals(): Promise<CatalogTotals> {
    if (this.#totals && performance.now() - this.#readAt < TOTALS_FRESH_MS) return this.#totals;
    this.#readAt = performance.now();
    const reading = this.#catalog.totals(EVERYBODY);
    this.#totals ??= reading;
    reading.then(
      () => (this.#totals = reading),
      () => {
        if (this.#totals === reading) this.#totals = undefined;
      },
    );
    return this.#totals;
  }

  /** What pages of the catalog were rendered from. */
  async current(): Promise<string> {
    return (await this.totals()).version;
  }
}

/** What is not there, as undefined. */
const orUndefined = <T>(reading: Promise<T>): Promise<T | undefined> =>
  reading.catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'not_found') return undefined;
    throw error;
  });

/** The catalog as pages read it, in the turns of a network address. */
export const catalogReader = (catalog: CatalogService, version: CatalogVersion, address: string): CatalogPort => ({
  totals: () => version.totals(),
  search: ({ sort, ...query }) => catalog.list({ ...query, ...(sort ? { sort: `-${sort}` } : {}) }, address),
  addresses: (part, size) => catalog.addresses(part, size, address),
  server: (slug) => orUndefined(catalog.serverInPlace(slug, address)),
  tool: async (slug, name) => {
    const found = await orUndefined(catalog.toolAmongSimilar({ slug, name, limit: MAX_SIMILAR }, address));
    if (!found) return undefined;
    const { server, similar, ...tool } = found;
    return { server, tool, related: similar.map((one) => ({ ...one, risk: RISKS[one.category] })) };
  },
});
