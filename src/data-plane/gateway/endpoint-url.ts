const PREFIX = '/mcp/';

/** What other products put behind the endpoint of a server. */
const TRANSPORT_SUFFIX = /^\/(?:mcp|sse|message|messages)\/?(?:$|\?)/;

/**
 * Whether a URL is the endpoint of this server, `/mcp/{serverId}`; a slash behind it changes nothing. `suffixed`: the
 * name of a transport stands behind it. `other`: the URL names another server or nothing.
 */
export const matchEndpoint = (url: string | undefined, serverId: string): 'endpoint' | 'suffixed' | 'other' => {
  if (!url?.startsWith(PREFIX) || !url.startsWith(serverId, PREFIX.length)) return 'other';
  const end = PREFIX.length + serverId.length;
  if (url.length === end || url[end] === '?') return 'endpoint';
  if (url[end] === '/' && (url.length === end + 1 || url[end + 1] === '?')) return 'endpoint';
  return TRANSPORT_SUFFIX.test(url.slice(end)) ? 'suffixed' : 'other';
};
