import { setTimeout as sleep } from 'node:timers/promises';
import { OutboundRefused, type Outbound } from '../../../platform/outbound/outbound.js';
import { readText } from '../../../platform/outbound/read-text.js';
import { readRegistryPage, type RegistryPage } from './registry-page.js';

/** Which page of a registry is wanted: where it begins, and from when on entries must have changed. */
export type PageQuery = Readonly<{ cursor: string | null; since: string | null }>;

/** Why an import stopped, in words for who started it; it holds nothing of what the registry answered. */
export class ImportStopped extends Error {}

/** The registry does not know the place where an earlier import stopped. */
export class CursorRefused extends ImportStopped {}

const PAGE_LIMIT = 100;
const PAGE_TIMEOUT_MS = 60_000;
const MAX_PAGE_BYTES = 8 * 2 ** 20;
const MAX_TRIES = 6;
const RETRY_DELAY_MS = 1000;
const MAX_RETRY_DELAY_MS = 60_000;

/** The address of a registry's list, for whatever part of it somebody gave. */
export const listUrlOf = (registry: string): URL => {
  const url = new URL(registry);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/servers') ? path : `${path}${/\/v\d[\d.]*$/.test(path) ? '' : '/v0.1'}/servers`;
  return url;
};

const pageUrl = (list: URL, { cursor, since }: PageQuery): URL => {
  const url = new URL(list);
  url.searchParams.set('limit', String(PAGE_LIMIT));
  url.searchParams.set('version', 'latest');
  url.searchParams.set('include_deleted', 'true');
  if (since !== null) url.searchParams.set('updated_since', since);
  if (cursor !== null) url.searchParams.set('cursor', cursor);
  return url;
};

const readBody = async (response: Response): Promise<string> => {
  const text = await readText(response, MAX_PAGE_BYTES);
  if (text === undefined)
    throw new ImportStopped(`The registry answered more than ${MAX_PAGE_BYTES / 2 ** 20} MiB for one page.`);
  return text;
};

const isPassing = (status: number): boolean => status === 429 || status === 408 || status >= 500;

/** A page, or how long to wait before the next try. */
type Try = Readonly<{ page: RegistryPage }> | Readonly<{ waitMs: number; why: string }>;

const waitOf = (response: Response): number => {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_DELAY_MS) : 0;
};

const judge = async (response: Response, query: PageQuery): Promise<Try> => {
  const { status } = response;
  if (status === 200) {
    const page = readRegistryPage(await readBody(response));
    if (page === undefined) throw new ImportStopped('The registry answered no list of servers: check the URL.');
    return { page };
  }
  await response.body?.cancel();
  if (isPassing(status)) return { waitMs: waitOf(response), why: `HTTP ${status}` };
  if (query.cursor !== null && status >= 400)
    throw new CursorRefused(`The registry does not go on where it stopped (HTTP ${status}).`);
  throw new ImportStopped(`The registry answered HTTP ${status}: check the URL.`);
};

const tryPage = async (outbound: Outbound, url: URL, query: PageQuery): Promise<Try> => {
  try {
    const signal = AbortSignal.timeout(PAGE_TIMEOUT_MS);
    return await judge(await outbound.fetch(url, { signal, headers: { accept: 'application/json' } }), query);
  } catch (error) {
    if (error instanceof ImportStopped) throw error;
    const refused = error instanceof OutboundRefused ? error : (error as Error).cause;
    if (refused instanceof OutboundRefused) throw new ImportStopped(refused.message);
    return { waitMs: 0, why: 'the connection failed' };
  }
};

/** How fetching waits between tries; a test does not. */
export type Wait = (ms: number) => Promise<unknown>;

/**
 * One page of a registry, over the guard of outside addresses: at most 8 MiB, in at most a minute. A connection that
 * dies and what will pass (429, 5xx) is tried again, six times in all.
 * @throws ImportStopped when there is no page, CursorRefused when the registry knows no such place
 */
export const fetchPage = async (
  { outbound, list, wait = sleep }: Readonly<{ outbound: Outbound; list: URL; wait?: Wait | undefined }>,
  query: PageQuery,
): Promise<RegistryPage> => {
  const url = pageUrl(list, query);
  let why = '';
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const tried = await tryPage(outbound, url, query);
    if ('page' in tried) return tried.page;
    why = tried.why;
    if (tries + 1 < MAX_TRIES) await wait(tried.waitMs || RETRY_DELAY_MS * 2 ** tries);
  }
  throw new ImportStopped(`The registry gives no page: ${why}, ${MAX_TRIES} times. Run the import again to go on.`);
};
