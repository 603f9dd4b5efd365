import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { CONSOLE_PATH, PUBLIC_URL } from '../../platform/runtime/parts.js';
import type { Problem } from '../../platform/runtime/problems.js';
import { CatalogService } from '../catalog/catalog.service.js';
import { CatalogReader, CatalogVersion } from './catalog-reader.js';
import { checkForm, readForm } from './contact/contact-form.js';
import { ContactService } from './contact/contact.service.js';
import type { Page, Site } from './page.js';
import { sendRendered } from './rendered.js';
import { PageServer } from './serve-pages.js';
import { contactSentView, contactView } from './views/contact.view.js';

/** Answers what people ask for in a browser: pages, the files that they load, and the contact form. */
@Injectable()
export class PagesService {
  readonly #contact: ContactService;
  readonly #server: PageServer;
  readonly #site: () => Site;

  constructor(
    contact: ContactService,
    catalog: CatalogService,
    @Inject(PUBLIC_URL) publicUrl: () => string,
    @Inject(CONSOLE_PATH) consolePath: () => string | undefined,
  ) {
    this.#contact = contact;
    this.#site = () => ({ url: publicUrl().replace(/\/+$/, ''), console: consolePath() });
    const version = new CatalogVersion(catalog);
    this.#server = new PageServer({
      catalog: (address) => new CatalogReader(catalog, version, address),
      version: () => version.current(),
      site: this.#site,
    });
  }

  /** Middleware: answers what is a page, and passes everything else on. @throws Problem when it is busy */
  async use(request: Request, response: Response, next: NextFunction): Promise<void> {
    if (request.method === 'POST' && /^\/contact(?:\?|$)/.test(request.originalUrl))
      return this.#receive(request, response);
    if (!(await this.#server.serve(request, response, request.ip ?? ''))) next();
  }

  /** Answers a failed request as a page where a person reads it, and says whether it did. */
  fault(problem: Problem, request: Request, response: Response): boolean {
    return this.#server.fault(request, response, problem);
  }

  /** The contact form, without a script: what is wrong is told beside what was typed. */
  async #receive(request: Request, response: Response): Promise<void> {
    const { typed, isTrapped } = await readForm(request);
    const message = await checkForm(typed);
    if (!('email' in message)) return this.#answer(request, response, contactView({ ...typed, faults: message }), 400);
    if (!isTrapped) await this.#contact.send(message, request.ip ?? '');
    return this.#answer(request, response, contactSentView(), 200);
  }

  #answer(request: Request, response: Response, page: Page, status: number): void {
    const rendered = this.#server.pages.page(page, this.#site(), { status, cacheControl: 'no-store' });
    sendRendered(request, response, rendered);
  }
}
