import type { Request, Response } from 'express';
import { problems, type Problem } from '../../platform/runtime/problems.js';
import type { CatalogReader } from './catalog-reader.js';
import { PageCache } from './page-cache.js';
import type { Site } from './page.js';
import { sendRendered, type Rendered } from './rendered.js';
import { routesOf, type Route, type Wanted } from './route.js';
import { SitePages } from './site-pages.js';
import { faultView, notFoundView } from './views/fault.view.js';

/** `catalog` reads for the network that asks; `version` changes with what the pages of the catalog show. */
export type PagesDeps = Readonly<{
  catalog: (address: string) => CatalogReader;
  version: () => Promise<string>;
  site: () => Site;
}>;

/** Pages below these are ours: what is not there is told as a page. Elsewhere the API answers. */
const OURS = /^\/(catalog|attacks|risks|token-cost|contact)(\/|\.md$|$)/;

/** Pages that show nothing of the catalog: they are there also when the database is not. */
const WITHOUT_CATALOG: ReadonlySet<Route['page']> = new Set(['attacks', 'attack', 'contact', 'llms', 'robots']);

const isReading = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD';

/** Whether somebody reads the answer in a browser. */
const wantsHtml = (request: Request): boolean =>
  isReading(request) && (request.headers.accept ?? '').includes('text/html');

const pathAndQuery = (target: string): readonly [string, URLSearchParams] => {
  const at = target.indexOf('?');
  return at < 0 ? [target, new URLSearchParams()] : [target.slice(0, at), new URLSearchParams(target.slice(at + 1))];
};

/** Serves the public pages: from memory where nothing changed, else rendered from the catalog. */
export class PageServer {
  readonly #deps: PagesDeps;
  readonly #pages = new SitePages();
  readonly #cache = new PageCache();

  constructor(deps: PagesDeps) {
    this.#deps = deps;
  }

  /** Answers a request for a page of ours, and says whether it did. @throws Problem when the catalog is busy */
  async serve(request: Request, response: Response, address: string): Promise<boolean> {
    if (!isReading(request)) return false;
    const [path, query] = pathAndQuery(request.originalUrl);
    const file = this.#pages.file(path);
    if (file) return this.#send(request, response, file);
    const trimmed = path.replace(/\/+$/, '');
    const wanted = routesOf(path, query);
    if (wanted.length === 0 && trimmed !== path && routesOf(trimmed, query).length > 0)
      return this.#redirect(response, trimmed + request.originalUrl.slice(path.length));
    for (const one of wanted) {
      const rendered = await this.#rendered(one, address);
      if (rendered) return this.#send(request, response, rendered);
    }
    return OURS.test(path) && this.#notFound(request, response);
  }

  /**
   * Answers a failed request as a page where a person reads it, and says whether it did: not below `/v1`, whose answers
   * programs read.
   */
  fault(request: Request, response: Response, problem: Problem): boolean {
    if (!wantsHtml(request) || /^\/(v1|mcp)(\/|$)/.test(request.originalUrl) || response.headersSent) return false;
    if (problem.code === 'not_found') return this.#notFound(request, response);
    const { status, title } = problems[problem.code];
    const page = this.#pages.page(faultView(title, problem.detail), this.#deps.site(), {
      status,
      cacheControl: 'no-store',
    });
    if (problem.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(problem.retryAfterSeconds));
    return this.#send(request, response, page);
  }

  /** The pages themselves, for the answers of the contact form. */
  get pages(): SitePages {
    return this.#pages;
  }

  async #rendered(wanted: Wanted, address: string): Promise<Rendered | undefined> {
    const site = this.#deps.site();
    const version = WITHOUT_CATALOG.has(wanted.route.page) ? '' : await this.#deps.version();
    const key = JSON.stringify([version, site, wanted]);
    const render = (): Promise<Rendered | undefined> => this.#pages.render(wanted, this.#deps.catalog(address), site);
    // What a visitor searches for is as good as never asked for again, and would take the place of what is.
    const { route } = wanted;
    if (route.page === 'catalog' && Object.keys(route.query).length > 0) return render();
    return this.#cache.get(key, address, render);
  }

  #notFound(request: Request, response: Response): true {
    const page = this.#pages.page(notFoundView(), this.#deps.site(), { status: 404, cacheControl: 'no-store' });
    return this.#send(request, response, page);
  }

  #redirect(response: Response, path: string): true {
    response.writeHead(308, { location: path, 'cache-control': 'public, max-age=3600' }).end();
    return true;
  }

  #send(request: Request, response: Response, rendered: Rendered): true {
    sendRendered(request, response, rendered);
    return true;
  }
}
