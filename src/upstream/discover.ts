import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { ErrorCode, McpError, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { DiscoveryStopped, discoveryFailure, type DiscoveryFailure } from './discovery-failure.js';
import { isStorable, readTools, type DiscoveredTool } from './tool-definition.js';

export { definitionHash, type DiscoveredTool } from './tool-definition.js';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** `fetch` must be the guarded one of platform/outbound; `headers` are the upstream's credentials. */
export type DiscoverRequest = Readonly<{ url: string; headers: Readonly<Record<string, string>>; fetch: Fetch; timeoutMs?: number }>;

export type Discovered =
  | Readonly<{ status: 'ready'; detail: string | null; tools: readonly DiscoveredTool[]; serverInfo: Readonly<Record<string, unknown>> | null; protocolVersion: string | null }>
  | DiscoveryFailure;

export const DISCOVERY_TIMEOUT_MS = 15_000;
const MOST_TOOLS = 1000;
const MOST_PAGES = 100;
const MOST_BYTES = 10 * 2 ** 20;
const GOODBYE_MS = 1000;

/**
 * Asks an MCP server over Streamable HTTP what it offers: initialize, then tools/list over all pages, then the session is ended. Never throws: what
 * fails becomes a status with a detail. Bounded to `timeoutMs` (15 s) and 10 MiB in total, 100 pages, 1,000 tools; `detail` of a ready server
 * says when tools were left out. Tools keep every member that the server gave them.
 */
export const discover = async ({ url, headers, fetch, timeoutMs = DISCOVERY_TIMEOUT_MS }: DiscoverRequest): Promise<Discovered> => {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new DiscoveryStopped(`The server gave no answer within ${timeoutMs / 1000} s.`)), timeoutMs);
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { ...headers } }, fetch: bounded(fetch, stop) });
  const client = new Client({ name: 'toolgate', version: '1' }, { capabilities: {} });
  // The SDK never takes its listeners off a signal, so each request gets one of its own.
  const options = (): RequestOptions => ({ signal: AbortSignal.any([stop.signal]), timeout: timeoutMs });
  try {
    await client.connect(transport, options());
    const listed = await listTools((cursor) => client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } }, ResultSchema, options()));
    const serverInfo = client.getServerVersion();
    return { status: 'ready', ...listed, serverInfo: serverInfo && isStorable(serverInfo) ? serverInfo : null, protocolVersion: transport.protocolVersion ?? null };
  } catch (error) {
    return discoveryFailure(stop.signal.aborted ? stop.signal.reason : error);
  } finally {
    clearTimeout(timer);
    // A server may not let clients end sessions: it then ends them itself.
    await transport.terminateSession().catch(() => undefined);
    await client.close().catch(() => undefined);
  }
};

type ListPage = (cursor: string | undefined) => Promise<Readonly<Record<string, unknown>>>;

const listTools = async (listPage: ListPage): Promise<Readonly<{ tools: readonly DiscoveredTool[]; detail: string | null }>> => {
  const listed: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const { tools, nextCursor } = await listPage(cursor).catch(noTools);
    if (!Array.isArray(tools)) throw new DiscoveryStopped('The server answered tools/list without a list of tools.');
    for (const tool of tools) listed.push(tool);
    // Some servers say "no more" by an empty cursor.
    cursor = typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined;
    if (cursor === undefined || listed.length > MOST_TOOLS || page === MOST_PAGES) break;
  }
  const { tools, leftOut } = readTools(listed.slice(0, MOST_TOOLS));
  return { tools, detail: remark(cursor !== undefined || listed.length > MOST_TOOLS, leftOut) };
};

const noTools = (error: unknown): Readonly<Record<string, unknown>> => {
  if (error instanceof McpError && error.code === ErrorCode.MethodNotFound) return { tools: [] };
  throw error;
};

const remark = (cut: boolean, leftOut: number): string | null => {
  const remarks = [
    ...(cut ? [`The server lists more than ${MOST_TOOLS} tools or ${MOST_PAGES} pages: the rest is left out.`] : []),
    ...(leftOut > 0 ? [`Tools left out because they have no name, the name of another, or text that can't be kept: ${leftOut}.`] : []),
  ];
  return remarks.length === 0 ? null : remarks.join(' ');
};

/** The fetch of one discovery: under its deadline, its answers counted, and without the stream of notifications that nobody would read. */
const bounded = (fetch: Fetch, stop: AbortController): Fetch => {
  let bytes = 0;
  const counted = (): TransformStream<Uint8Array, Uint8Array> =>
    new TransformStream({
      transform: (chunk, controller) => {
        bytes += chunk.byteLength;
        if (bytes > MOST_BYTES) stop.abort(new DiscoveryStopped(`The server answered more than ${MOST_BYTES / 2 ** 20} MiB.`));
        else controller.enqueue(chunk);
      },
    });
  return async (url, init) => {
    if (init?.method === 'GET') return new Response(null, { status: 405 });
    const signal = init?.method === 'DELETE' ? AbortSignal.timeout(GOODBYE_MS) : AbortSignal.any([stop.signal, ...(init?.signal ? [init.signal] : [])]);
    const response = await fetch(url, { ...init, signal });
    const { status, headers, body } = response;
    return body === null ? response : new Response(body.pipeThrough(counted()), { status, headers });
  };
};
