import type { Response } from 'express';
import type { Page } from '../../platform/rest/page.js';
import type { AuditItem } from './audit.query.js';

export const NDJSON = 'application/x-ndjson';
/** How long a reader that has everything waits before it asks again. */
const POLL_SECONDS = 5;

/** The path and query of the next page: those of this one, with another cursor. */
const nextUrl = (url: string, cursor: string): string => {
  const { pathname, searchParams } = new URL(url, 'http://toolgate');
  searchParams.set('after', cursor);
  return `${pathname}?${searchParams.toString()}`;
};

/**
 * Sends a page of the audit log as JSON, or as NDJSON with its cursor in headers. `Link` names the next page while more
 * records follow; when none do, `Retry-After` says when to ask again.
 */
export const sendPage = (response: Response, page: Page<AuditItem>, type: string | false): void => {
  const { items, nextCursor, hasMore } = page;
  if (hasMore && nextCursor !== null)
    response.setHeader('Link', `<${nextUrl(response.req.originalUrl, nextCursor)}>; rel="next"`);
  else response.setHeader('Retry-After', String(POLL_SECONDS));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Vary', 'Accept');
  if (type !== NDJSON) {
    response.json(page);
    return;
  }
  response.setHeader('Toolgate-Has-More', String(hasMore));
  if (nextCursor !== null) response.setHeader('Toolgate-Next-Cursor', nextCursor);
  response.type(NDJSON).send(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
};
