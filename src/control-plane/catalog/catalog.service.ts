import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { isStorableText } from '../../platform/json/storable.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import { startTimer } from '../../platform/runtime/guard.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Page } from '../../platform/rest/page.js';
import { RISKS, type Risk } from '../../policy-engine/classify/classify.js';
import { recommendedPolicy, recommendedServerPolicy } from '../../policy-engine/classify/recommend.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import { networkOf } from '../accounts/login-limits.js';
import type { CatalogTool } from './catalog-entry.js';
import type { Classification } from './classify-request.js';
import { ClassifyThreads } from './classify-threads.js';
import { listCatalogServers, type CatalogQuery } from './catalog-list.js';
import {
  findSimilarTools,
  listAddresses,
  readTokenRank,
  readTotals,
  type CatalogAddress,
  type CatalogTotals,
  type TokenRank,
  type ToolInBrief,
} from './catalog-overview.js';
import type { CatalogServer } from './catalog-row.js';
import { findCatalogServer, findCatalogTool, type CatalogServerDetail } from './catalog.store.js';
import type { ClassifyTools } from './catalog.dto.js';
import { registrationOf, type Registration } from './registration.js';
import { readDefinitions } from './read-definitions.js';
import { loadShippedCatalog } from './shipped.js';

const LOAD_RETRY_DELAY_MS = 60_000;

/** A tool as the catalog shows it. */
export type ShownTool = CatalogTool & Readonly<{ risk: Risk }>;

/** A server as the catalog shows it, with the policy that is recommended for all of it. */
export type ShownServer = Omit<CatalogServerDetail, 'tools'> &
  Readonly<{
    tools: readonly ShownTool[];
    recommendedPolicy: PolicyDocument;
    registration: Registration | null;
  }>;

/** A tool with its server and the policy that is recommended for it alone. */
export type ShownToolOfServer = ShownTool & Readonly<{ server: CatalogServer; recommendedPolicy: PolicyDocument }>;

const shownTool = (tool: CatalogTool): ShownTool => ({ ...tool, risk: RISKS[tool.category] });

const readServer = async (tx: Tx, slug: string): Promise<ShownServer> => {
  const found = isStorableText(slug) ? await findCatalogServer(tx, slug) : undefined;
  if (!found) throw new Problem('not_found', 'The catalog knows no such server.');
  return {
    ...found,
    registration: registrationOf(found),
    tools: found.tools.map(shownTool),
    recommendedPolicy: recommendedServerPolicy(found.tools, 'balanced'),
  };
};

const readTool = async (tx: Tx, slug: string, name: string): Promise<ShownToolOfServer> => {
  const found = isStorableText(slug) && isStorableText(name) ? await findCatalogTool(tx, slug, name) : undefined;
  if (!found) throw new Problem('not_found', 'The catalog knows no such tool of this server.');
  return { ...shownTool(found.tool), server: found.server, recommendedPolicy: recommendedPolicy(found.tool) };
};

/**
 * The catalog of tools: known servers, and what tools can do by their definitions. It is public, and knows no
 * organization. `address` is the network address of who asks, whose requests take turns with those of others.
 */
@Injectable()
export class CatalogService implements OnApplicationShutdown {
  readonly #threads = new ClassifyThreads();
  readonly #db: Database;
  #loaded: Promise<void> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Ends the threads that classify. */
  onApplicationShutdown(): void {
    this.#threads.stop();
  }

  /**
   * Classifies definitions beside the event loop, those of one address one after the other.
   * @throws Problem invalid_body for definitions that can't be read, too_many_requests, unavailable
   */
  classify({ tools, server }: ClassifyTools, address: string): Promise<Classification> {
    return this.#threads.run(networkOf(address), readDefinitions(tools, server));
  }

  /** A page of servers. @throws Problem invalid_body for a cursor of another list */
  list(query: CatalogQuery, address: string): Promise<Page<CatalogServer>> {
    return this.#read(address, (tx) => listCatalogServers(tx, query));
  }

  /** One server with its tools. @throws Problem not_found */
  server(slug: string, address: string): Promise<ShownServer> {
    return this.#read(address, (tx) => readServer(tx, slug));
  }

  /** One tool of a server. @throws Problem not_found */
  tool(slug: string, name: string, address: string): Promise<ShownToolOfServer> {
    return this.#read(address, (tx) => readTool(tx, slug, name));
  }

  /** How much the catalog holds. */
  totals(address: string): Promise<CatalogTotals> {
    return this.#read(address, readTotals);
  }

  /** One server with its tools, and where it stands among all by its tokens. @throws Problem not_found */
  serverInPlace(slug: string, address: string): Promise<ShownServer & Readonly<{ rank: TokenRank }>> {
    return this.#read(address, async (tx) => {
      const server = await readServer(tx, slug);
      return { ...server, rank: await readTokenRank(tx, server.tokens) };
    });
  }

  /** One tool of a server, and at most `limit` others there that are of its category. @throws Problem not_found */
  toolAmongSimilar(
    { slug, name, limit }: Readonly<{ slug: string; name: string; limit: number }>,
    address: string,
  ): Promise<ShownToolOfServer & Readonly<{ similar: readonly ToolInBrief[] }>> {
    return this.#read(address, async (tx) => {
      const tool = await readTool(tx, slug, name);
      return { ...tool, similar: await findSimilarTools(tx, { slug, name, category: tool.category }, limit) };
    });
  }

  /** A part of the addresses of all servers and tools, from 0. */
  addresses(part: number, size: number, address: string): Promise<readonly CatalogAddress[]> {
    return this.#read(address, (tx) => listAddresses(tx, part, size));
  }

  /** Whoever reads first after a release waits until what it ships with is loaded: the start does not. */
  async #read<T>(address: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    this.#loaded ??= this.#load();
    await this.#loaded;
    return this.#db.readPublic(networkOf(address), work);
  }

  async #load(): Promise<void> {
    try {
      await loadShippedCatalog(this.#db);
    } catch (error) {
      log.warn('the shipped catalog could not be loaded', { error: errorText(error) });
      startTimer('catalog', LOAD_RETRY_DELAY_MS, () => (this.#loaded = undefined)).unref();
    }
  }
}
