import { shownUrl } from '../../platform/crypto/hidden-parts.js';
import { headerOf } from '../protocol/headers.js';
import type { UpstreamHeaders } from './forward.js';

const MAX_LENGTH = 500;

/**
 * Where a redirect leads, as it may be shown: without the values of its query and without parts of its path that look
 * like secrets. Undefined when the answer names no HTTP URL. `from` is the URL that was requested, where it is known.
 */
export const redirectTarget = (headers: UpstreamHeaders, from?: URL): string | undefined => {
  const location = headerOf(headers, 'location') ?? '';
  if (location === '' || location.length > MAX_LENGTH || !URL.canParse(location, from?.href)) return undefined;
  const url = new URL(location, from?.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  [url.username, url.password, url.hash] = ['', '', ''];
  return shownUrl(url.href);
};
