/** A page as a browser got it. */
export type Visited = Readonly<{ status: number; url: string; html: string; headers: Headers }>;

/** A form of a page: where it goes, and its fields as the page fills them. */
export type Form = Readonly<{ action: string; fields: Readonly<Record<string, string>> }>;

const unescaped = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescaped(value);
};

/** The form of a page. @throws Error for a page without one */
export const formOf = ({ html, url }: Visited): Form => {
  const form = /<form[^>]*>[\s\S]*?<\/form>/.exec(html)?.[0];
  if (form === undefined) throw new Error(`no form on ${url}: ${html.slice(0, 2000)}`);
  const fields: Record<string, string> = {};
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name !== undefined) fields[name] = attribute(tag, 'value') ?? '';
  }
  return { action: new URL(attribute(/<form[^>]*>/.exec(form)?.[0] ?? '', 'action') ?? '', url).href, fields };
};

/** The identities that a consent page offers, by the text that it shows. */
export const optionsOf = ({ html }: Visited): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...html.matchAll(/<option value="([^"]*)">([^<]*)</g)].map(([, value = '', text = '']) => [
      unescaped(text),
      value,
    ]),
  );

/**
 * Cookies and redirects as a browser has them, for one origin: it goes on within that, and stops where another begins.
 */
export class TestBrowser {
  readonly #origin: string;
  readonly #via: string;
  readonly #cookies = new Map<string, Readonly<{ value: string; path: string }>>();

  /** `via`: where the origin is really reached, as a proxy in front of it would. */
  constructor(url: string, via: string = url) {
    this.#origin = new URL(url).origin;
    this.#via = new URL(via).origin;
  }

  open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Visited> {
    return this.#go(url, { method: 'GET', headers: { 'sec-fetch-site': 'cross-site', ...headers } });
  }

  send(url: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
    return this.#go(url, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { origin: this.#origin, ...headers },
    });
  }

  /** Sends the form of a page with some fields filled in. */
  submit(page: Visited, filled: Readonly<Record<string, string>>): Promise<Visited> {
    const { action, fields } = formOf(page);
    return this.send(action, { ...fields, ...filled });
  }

  /** As if a page of the origin had set it. */
  setCookie(name: string, value: string): void {
    this.#cookies.set(name, { value, path: '/' });
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name)?.value;
  }

  async #go(url: string, init: RequestInit & { headers: Record<string, string> }): Promise<Visited> {
    const target = new URL(url);
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => target.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(url.replace(this.#origin, this.#via), {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', ...init.headers, ...(cookie === '' ? {} : { cookie }) },
    });
    for (const set of response.headers.getSetCookie()) this.#keep(set);
    const location = response.headers.get('location');
    const html = await response.text();
    if (location === null) return { status: response.status, url, html, headers: response.headers };
    const next = new URL(location, url);
    if (next.origin !== this.#origin)
      return { status: response.status, url: next.href, html, headers: response.headers };
    return this.#go(next.href, { method: 'GET', headers: {} });
  }

  /** Names of cookies that were set without Secure, or that scripts can read. */
  readonly insecureCookies: string[] = [];

  #keep(set: string): void {
    if (!/; secure/i.test(set) || !/; httponly/i.test(set)) this.insecureCookies.push(set.slice(0, set.indexOf('=')));
    const [pair = '', ...parts] = set.split('; ');
    const at = pair.indexOf('=');
    const path = parts.find((part) => /^path=/i.test(part))?.slice('path='.length) ?? '/';
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (value === '' || /expires=Thu, 01 Jan 1970/i.test(set)) this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}
