import { html, jsonInScript, type Html } from './document/html.js';
import { blocksMarkdown, titleMarkdown } from './document/to-markdown.js';
import { blocksHtml, textHtml } from './document/to-html.js';
import type { Assets } from './assets.js';
import { twinOf, type Page, type Site } from './page.js';

/**
 * Stands in a rendered page where the nonce of each response goes. It is made at the start of the process, so that no
 * text of a catalog can hold it.
 */
export type NonceMark = string;

const MAX_DESCRIPTION_LENGTH = 300;

const NAVIGATION = [
  ['/catalog', 'Catalog'],
  ['/attacks', 'Attacks'],
  ['/token-cost', 'Token cost'],
  ['/docs', 'API'],
] as const;

const link = (to: string, text: string, path: string): Html =>
  path === to || path.startsWith(`${to}/`)
    ? html`<li><a href="${to}" aria-current="${path === to ? 'page' : 'true'}">${text}</a></li>`
    : html`<li><a href="${to}">${text}</a></li>`;

const header = (path: string, site: Site): Html =>
  html`<header>
    <a class="skip" href="#main">Skip to the content</a>
    <nav aria-label="Site">
      <a class="brand" href="/"><span class="gate" aria-hidden="true"></span>Toolgate</a>
      <ul>
        ${NAVIGATION.map(([to, text]) => link(to, text, path))}
        ${site.console === undefined ? '' : link(site.console, 'Console', path)}
      </ul>
    </nav>
  </header>`;

const footer = (page: Page): Html =>
  html`<footer>
    <p>Toolgate, the policy gateway for MCP.</p>
    <ul>
      <li><a href="/risks/read">Risk categories</a></li>
      <li><a href="/contact">Contact</a></li>
      <li><a href="/llms.txt">llms.txt</a></li>
      ${page.isFault ? '' : html`<li><a href="${twinOf(page.path)}">This page as Markdown</a></li>`}
    </ul>
  </footer>`;

const crumbs = (page: Page): Html =>
  page.crumbs === undefined
    ? html``
    : html`<nav class="crumbs" aria-label="Breadcrumb">
        <ol>
          ${page.crumbs.map(({ to, text }) => html`<li><a href="${to}">${text}</a></li>`)}
        </ol>
      </nav>`;

const head = (page: Page, site: Site, assets: Assets): Html =>
  html`<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${page.title}</title>
    <meta name="description" content="${page.description.slice(0, MAX_DESCRIPTION_LENGTH)}" />
    ${page.isFault || page.isPrivate ? html`<meta name="robots" content="noindex" />` : canonical(page, site)}
    <link rel="icon" href="${assets['icon.svg'].path}" type="image/svg+xml" />
    <link rel="stylesheet" href="${assets['style.css'].path}" />
    <script type="module" src="${assets['page.mjs'].path}"></script>
    ${page.path === '/token-cost' ? html`<script type="module" src="${assets['token-cost.mjs'].path}"></script>` : ''}`;

const canonical = (page: Page, site: Site): Html =>
  html`<link rel="canonical" href="${site.url}${page.path}" />
    <link rel="alternate" type="text/markdown" href="${site.url}${twinOf(page.path)}" />
    <meta property="og:title" content="${page.title}" />
    <meta property="og:type" content="website" />
    <meta property="og:url" content="${site.url}${page.path}" />`;

const data = (page: Page, nonce: NonceMark): readonly Html[] =>
  (page.data ?? []).map(
    (one) =>
      html`<script type="application/ld+json" nonce="${nonce}">
        ${jsonInScript(one)}
      </script>`,
  );

/** A page as an HTML document; `nonce` is the mark that the nonce of a response replaces. */
export const pageHtml = (
  page: Page,
  site: Site,
  { assets, nonce }: Readonly<{ assets: Assets; nonce: NonceMark }>,
): string =>
  html`<!doctype html>
<html lang="en">
<head>${head(page, site, assets)}${data(page, nonce)}</head>
<body${page.path === '/' ? html` class="landing"` : ''}>
${header(page.path, site)}
<main id="main">
${crumbs(page)}
<div class="title">
  ${page.kicker === undefined ? '' : html`<p class="kicker">${textHtml(page.kicker)}</p>`}
  <h1>${page.heading}</h1>
</div>
${blocksHtml(page.blocks)}
</main>
${footer(page)}
</body>
</html>
`.toString();

/** A page as Markdown, for readers that are programs. */
export const pageMarkdown = (page: Page, site: Site): string =>
  `${[titleMarkdown(page.heading), `<${site.url}${page.path}>`, blocksMarkdown(page.blocks)].join('\n\n')}\n`;
