import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CONSOLE_PATH, PUBLIC_URL } from '../../platform/runtime/parts.js';
import type { Page } from '../pages/page.js';
import { sendRendered } from '../pages/rendered.js';
import { SitePages } from '../pages/site-pages.js';
import { consentView, type Consent } from './views/consent.view.js';
import { connectedView } from './views/connected.view.js';
import { refusedView, type Refusal } from './views/refused.view.js';
import { signInView, type SignInForm } from './views/sign-in.view.js';

type Asked = Pick<IncomingMessage, 'headers' | 'method'>;

/** The pages that members see while a client asks to be let in. None can be framed, and none is kept. */
@Injectable()
export class OauthPages {
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  @Inject(CONSOLE_PATH) private readonly consolePath!: () => string | undefined;
  readonly #pages = new SitePages();

  signIn(request: Asked, response: ServerResponse, form: SignInForm, status = 200): void {
    this.#send(request, response, { page: signInView(form), status });
  }

  /** `formAction`: where the answer may lead to, beside this installation. */
  consent(request: Asked, response: ServerResponse, consent: Consent, formAction: string): void {
    this.#send(request, response, { page: consentView(consent), status: 200, formAction });
  }

  connected(request: Asked, response: ServerResponse): void {
    this.#send(request, response, { page: connectedView(), status: 200 });
  }

  refused(request: Asked, response: ServerResponse, refusal: Refusal, status = 400): void {
    this.#send(request, response, { page: refusedView(refusal), status });
  }

  #send(
    request: Asked,
    response: ServerResponse,
    { page, status, formAction }: Readonly<{ page: Page; status: number; formAction?: string }>,
  ): void {
    const site = { url: this.publicUrl().replace(/\/+$/, ''), console: this.consolePath() };
    const rendered = this.#pages.page(page, site, { status, cacheControl: 'no-store' });
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    // Without an ETag: the page of one member is no page of another.
    sendRendered({ ...request, headers: {} } as IncomingMessage, response, {
      ...rendered,
      ...(formAction === undefined ? {} : { formAction }),
    });
  }
}
