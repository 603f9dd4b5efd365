import { Problem } from '../../platform/runtime/problems.js';
import { RISKS } from '../../policy-engine/classify/classify.js';
import type { Page } from '../../platform/rest/page.js';
import type { CatalogQuery } from '../catalog/catalog-list.js';
import type { CatalogAddress, CatalogTotals } from '../catalog/catalog-overview.js';
import type { CatalogServer } from '../catalog/catalog-row.js';
import type { CatalogService, ShownTool, ShownToolOfServer } from '../catalog/catalog.service.js';

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

/** A server of the catalog, as lists show it. */
export type ServerCard = CatalogServer;
/** A server with its tools, the policy for all of them, and where it stands by its tokens. */
export type ServerFacts = Awaited<ReturnType<CatalogService['serverInPlace']>>;
/** A tool of a server, as the page of the server lists it. */
export type ToolRow = Pick<ShownTool, 'name' | 'category' | 'risk' | 'tokens'>;
/** A tool with all that is known of it. None of it is text of the server, but names. */
export type ToolFacts = Omit<ShownToolOfServer, 'server'>;
/** What pages search for; the largest come first where they are sorted. */
export type ServerSearch = Omit<CatalogQuery, 'sort' | 'limit'> &
  Readonly<{ sort?: 'tokens' | 'toolCount'; limit: number }>;
export type ServerPage = Page<ServerCard>;
export type { CatalogTotals };

/** What the pages read of the catalog, in the turns of a network address. Every method costs a bounded query. */
export class CatalogReader {
  readonly #catalog: CatalogService;
  readonly #version: CatalogVersion;
  readonly #address: string;

  constructor(catalog: CatalogService, version: CatalogVersion, address: string) {
    this.#catalog = catalog;
    this.#version = version;
    this.#address = address;
  }

  totals(): Promise<CatalogTotals> {
    return this.#version.totals();
  }

  search({ sort, ...query }: ServerSearch): Promise<ServerPage> {
    return this.#catalog.list({ ...query, ...(sort ? { sort: `-${sort}` } : {}) }, this.#address);
  }

  /** A part of the addresses of all servers and tools, from 0 and in order: about `size` of them. */
  addresses(part: number, size: number): Promise<readonly CatalogAddress[]> {
    return this.#catalog.addresses(part, size, this.#address);
  }

  server(slug: string): Promise<ServerFacts | undefined> {
    return orUndefined(this.#catalog.serverInPlace(slug, this.#address));
  }

  /** A tool with its server, and others of its category there. */
  async tool(
    slug: string,
    name: string,
  ): Promise<Readonly<{ server: ServerCard; tool: ToolFacts; related: readonly ToolRow[] }> | undefined> {
    const found = await orUndefined(this.#catalog.toolAmongSimilar({ slug, name, limit: MAX_SIMILAR }, this.#address));
    if (!found) return undefined;
    const { server, similar, ...tool } = found;
    return { server, tool, related: similar.map((one) => ({ ...one, risk: RISKS[one.category] })) };
  }
}
