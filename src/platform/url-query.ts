type Values = Readonly<Record<string, string>>;

/** Where a URL's query lies among the secret values of a server: neither a header nor a variable can have this name. */
const QUERY = '?';
const HIDDEN = '***';

/** A URL as it is shown and recorded: of its query only the names, since values are often credentials. A part without a name is hidden whole. */
export const shownUrl = (href: string): string => {
  const url = new URL(href);
  if (url.search === '') return href;
  url.search = url.search.slice(1).split('&').map((part) => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=${HIDDEN}` : HIDDEN)).join('&');
  return url.href;
};

/** Whether a URL has a hidden value where a value should be. */
export const isShownUrl = (href: string): boolean => new URL(href).search.slice(1).split('&').some((part) => part === HIDDEN || part.endsWith(`=${HIDDEN}`));

/** The secret values with the query of a URL among them, and nothing of another query. */
export const withQueryOf = (href: string, values: Values): Values => {
  const { [QUERY]: _other, ...rest } = values;
  const { search } = new URL(href);
  return search === '' ? rest : { ...rest, [QUERY]: search };
};

/** What of secret values is a URL's query. */
export const queryIn = ({ [QUERY]: search }: Values): Values => (search === undefined ? {} : { [QUERY]: search });

/** The URL to be requested, and what is left of the secret values: the headers. A URL that was kept before its query was secret has it still. */
export const openUrl = (shown: string, values: Values): Readonly<{ url: URL; headers: Values }> => {
  const { [QUERY]: search, ...headers } = values;
  const url = new URL(shown);
  if (search !== undefined) url.search = search;
  return { url, headers };
};
