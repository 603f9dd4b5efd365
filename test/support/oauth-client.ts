import { createHash, randomBytes } from 'node:crypto';
import { TestBrowser, optionsOf, type Visited } from './browser.js';
import { request, type Answer } from './tenant.js';

type Json = Readonly<Record<string, unknown>>;

/** Who signs in, on the pages of the product. */
export type Person = Readonly<{ email: string; password: string }>;

/** A code verifier with its challenge (RFC 7636). */
export const pkce = (): Readonly<{ verifier: string; challenge: string }> => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

/** A client that registered itself, step by step: what SDKs do at once, and do rightly. */
export class OauthClient {
  readonly url: string;
  readonly id: string;
  readonly redirectUri: string;
  readonly browser: TestBrowser;

  readonly #secret: string | undefined;
  readonly #method: string;

  private constructor(
    of: Readonly<{ url: string; id: string; redirectUri: string; secret?: string | undefined; method?: unknown }>,
  ) {
    this.url = of.url;
    this.id = of.id;
    this.redirectUri = of.redirectUri;
    this.#secret = of.secret;
    this.#method = String(of.method ?? 'none');
    this.browser = new TestBrowser(of.url);
  }

  /** `usedUri`: the redirect URI that it uses, where that is not the first that it registers. */
  static async register(url: string, metadata: Json = {}, usedUri?: string): Promise<OauthClient> {
    const body = { client_name: 'Test client', redirect_uris: ['http://127.0.0.1:45454/callback'], ...metadata };
    const answer = await request(`${url}/oauth/register`, 'POST', body);
    if (answer.status !== 201) throw new Error(`register answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    const [first = ''] = answer.body['redirect_uris'] as readonly string[];
    const method = answer.body['token_endpoint_auth_method'];
    const secret = answer.body['client_secret'] as string | undefined;
    return new OauthClient({
      url,
      id: answer.body['client_id'] as string,
      redirectUri: usedUri ?? first,
      secret,
      method,
    });
  }

  /** Another browser of the same client. */
  inOtherBrowser(): OauthClient {
    return new OauthClient({
      url: this.url,
      id: this.id,
      redirectUri: this.redirectUri,
      secret: this.#secret,
      method: this.#method,
    });
  }

  authorizeUrl(mcpUrl: string, more: Readonly<Record<string, string | undefined>> = {}): string {
    const params = {
      response_type: 'code',
      client_id: this.id,
      redirect_uri: this.redirectUri,
      scope: 'mcp',
      state: 'st4te',
      resource: mcpUrl,
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      ...more,
    };
    const sent = Object.entries(params).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return `${this.url}/oauth/authorize?${new URLSearchParams(sent).toString()}`;
  }

  /** Signs a person in where that is asked for, and resolves to the page that asks for consent. */
  async signIn(url: string, { email, password }: Person): Promise<Visited> {
    const page = await this.browser.open(url);
    return page.html.includes('name="password"') ? this.browser.submit(page, { email, password }) : page;
  }

  /** Signs in and allows, as `identity` where there are several; resolves to the parameters that the client gets. */
  async authorize(url: string, person: Person, identity?: string): Promise<URLSearchParams> {
    const consent = await this.signIn(url, person);
    const chosen = Object.entries(optionsOf(consent)).find(([text]) => text.startsWith(identity ?? ''))?.[1];
    const end = await this.browser.submit(consent, { answer: 'allow', ...(chosen ? { identity: chosen } : {}) });
    if (!end.url.startsWith(this.redirectUri)) throw new Error(`not sent back: ${end.status} ${end.url} ${end.html}`);
    return new URL(end.url).searchParams;
  }

  async token(form: Readonly<Record<string, string>>): Promise<Answer> {
    const response = await fetch(`${this.url}/oauth/token`, {
      method: 'POST',
      ...(this.#method === 'client_secret_basic' ? { headers: { authorization: this.#basic() } } : {}),
      body: new URLSearchParams({
        ...(this.#method === 'client_secret_basic' ? {} : { client_id: this.id }),
        ...(this.#method === 'client_secret_post' ? { client_secret: this.#secret ?? '' } : {}),
        ...form,
      }),
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    };
  }

  #basic(): string {
    return `Basic ${Buffer.from(`${this.id}:${this.#secret ?? ''}`).toString('base64')}`;
  }

  exchange(code: string, verifier: string, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: this.redirectUri,
      ...more,
    });
  }

  refresh(refreshToken: string): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  /** The whole way from the URL of a server to tokens for it. */
  async tokens(
    mcpUrl: string,
    person: Person,
    identity?: string,
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Tokens> {
    const { verifier, challenge } = pkce();
    const url = this.authorizeUrl(mcpUrl, { ...more, code_challenge: challenge });
    const params = await this.authorize(url, person, identity);
    const { status, body } = await this.exchange(params.get('code') ?? '', verifier, { resource: mcpUrl });
    if (status !== 200) throw new Error(`token answered ${status}: ${JSON.stringify(body)}`);
    return { access: body['access_token'] as string, refresh: body['refresh_token'] as string, body };
  }
}

export type Tokens = Readonly<{ access: string; refresh: string; body: Json }>;
