import type { RecordedTransport } from '../runtime/transport.js';
import { HIDDEN, hideArguments, hidePath, hideQuery } from './secret-text.js';

type Values = Readonly<Record<string, string>>;

/**
 * Where the hidden parts of a transport lie among its secret values: neither a header nor a variable can have
 * these names.
 */
const QUERY = '?';
const PATH = '/';
const ARGUMENTS = '[]';
/** Between kept arguments: none of them can hold it. */
const NUL = '\0';

/** A URL as it is recorded: of its query only the names, and of its path no segment that looks like a secret. */
export const shownUrl = (href: string): string => {
  const url = new URL(href);
  const [pathname, search] = [hidePath(url.pathname), hideQuery(url.search)];
  if (pathname === url.pathname && search === url.search) return href;
  [url.pathname, url.search] = [pathname, search];
  return url.href;
};

/**
 * A transport as it is recorded, and shown to those who may not change it. What was hidden once stays as it is.
 */
export const showTransport = <T extends RecordedTransport>(transport: T): T =>
  transport.type === 'stdio'
    ? { ...transport, args: hideArguments(transport.args) }
    : { ...transport, url: URL.canParse(transport.url) ? shownUrl(transport.url) : HIDDEN };

/** Whether a transport has a hidden value where a value should be. */
export const hasHiddenParts = (transport: RecordedTransport): boolean => {
  if (transport.type === 'stdio') return transport.args.some((argument) => argument.includes(HIDDEN));
  const { pathname, search } = new URL(transport.url);
  return (
    pathname.split('/').includes(HIDDEN) ||
    search
      .slice(1)
      .split('&')
      .some((part) => part === HIDDEN || part.endsWith(`=${HIDDEN}`))
  );
};

/** The secret values with the hidden parts of a transport among them, and nothing of another transport. */
export const keepHiddenParts = (transport: RecordedTransport, values: Values): Values => {
  const { [QUERY]: _query, [PATH]: _path, [ARGUMENTS]: _arguments, ...rest } = values;
  if (transport.type === 'stdio') {
    const isHidden = hideArguments(transport.args).some((argument, at) => argument !== transport.args[at]);
    return isHidden ? { ...rest, [ARGUMENTS]: transport.args.join(NUL) } : rest;
  }
  const { pathname, search } = new URL(transport.url);
  return {
    ...rest,
    ...(search === '' ? {} : { [QUERY]: search }),
    ...(hidePath(pathname) === pathname ? {} : { [PATH]: pathname }),
  };
};

/** What of secret values is hidden parts of a transport. */
export const partsIn = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name === QUERY || name === PATH || name === ARGUMENTS));

/**
 * The URL to be requested, and what is left of the secret values: the headers. A URL that was kept before its parts
 * were secret has them still.
 */
export const openUrl = (shown: string, values: Values): Readonly<{ url: URL; headers: Values }> => {
  const { [QUERY]: search, [PATH]: pathname, ...headers } = values;
  const url = new URL(shown);
  if (search !== undefined) url.search = search;
  if (pathname !== undefined) url.pathname = pathname;
  return { url, headers };
};

/** The arguments that a command is run with, and what is left of the secret values: its environment. */
export const openArguments = (
  shown: readonly string[],
  values: Values,
): Readonly<{ args: readonly string[]; env: Values }> => {
  const { [ARGUMENTS]: kept, ...env } = values;
  return { args: kept === undefined ? shown : kept.split(NUL), env };
};

/**
 * A transport as those see it who may change it: with its path and its arguments, and the values of its query hidden
 * all the
 * same.
 */
export const openTransport = <T extends RecordedTransport>(transport: T, values: Values): T => {
  if (transport.type === 'stdio') return { ...transport, args: openArguments(transport.args, values).args };
  const { [PATH]: pathname } = values;
  const url = new URL(transport.url);
  if (pathname !== undefined) url.pathname = pathname;
  url.search = hideQuery(url.search);
  return { ...transport, url: url.href };
};
