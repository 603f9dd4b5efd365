import type { Json } from '../../platform/json/json-object.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import type { Verdict } from '../enforcement/call.js';
import { foldCase, type Request } from '../../mcp/protocol/read-message.js';
import { relayListen } from '../relay/listen-stream.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { governed } from './governed.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

type Allowed = Extract<Verdict, { allowed: true }>;

const MOST_URIS = 100;
const LONGEST_URI = 2048;
const FIELDS = ['toolsListChanged', 'resourcesListChanged', 'promptsListChanged', 'resourceSubscriptions', 'taskIds'];
const FOLDED = new Set(FIELDS.map(foldCase));

const isUri = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= LONGEST_URI;

/**
 * The filter of a `subscriptions/listen`, and the resources in it; undefined when a server could read it in another
 * way.
 */
const filterOf = ({ params }: Request): Readonly<{ filter: Json; uris: readonly string[] }> | undefined => {
  const filter = params?.['notifications'];
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) return undefined;
  if (Object.keys(filter).some((key) => FOLDED.has(foldCase(key)) && !FIELDS.includes(key))) return undefined;
  const { resourceSubscriptions: uris = [] } = filter as Json;
  return Array.isArray(uris) && uris.length <= MOST_URIS && uris.every(isUri)
    ? { filter: filter as Json, uris }
    : undefined;
};

/**
 * Each resource is a decision of its own: those that are refused are left out of what is asked of the upstream, and so
 * of what it acknowledges.
 */
const decide = async (
  parts: GatewayParts,
  exchange: Exchange,
  request: Request,
  uris: readonly string[],
): Promise<readonly Readonly<{ uri: string; verdict: Allowed }>[]> => {
  const allowed: { uri: string; verdict: Allowed }[] = [];
  for (const uri of uris) {
    const verdict = await parts.enforcement.enforce({
      ...governed(exchange, request, { tool: uri, arguments: { uri } }),
      kind: 'resource',
      standing: true,
    });
    parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
    if (verdict.allowed) allowed.push({ uri, verdict });
  }
  return allowed;
};

/** The tasks in a filter that were given to this grant: the client's id of each by the server's. */
const ownTasks = (parts: GatewayParts, { who }: Exchange, sealed: unknown): ReadonlyMap<string, string> => {
  const own = new Map<string, string>();
  for (const one of Array.isArray(sealed) ? sealed.slice(0, MOST_URIS) : []) {
    const taskId = parts.taskIds.opened(who, one);
    if (taskId !== undefined) own.set(taskId, String(one));
  }
  return own;
};

const refuseFilter = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const { id, method } = request;
  await parts.enforcement.refuseUnread(
    governed(exchange, request, { tool: null, arguments: undefined }),
    'malformed',
    `${method} without a usable filter`,
  );
  return sendJson(
    exchange.response,
    200,
    jsonRpcError(
      id,
      JSON_RPC_CODES.invalidParams,
      `params of ${method} need notifications, an object; resourceSubscriptions in it are at most ${MOST_URIS} URIs`,
    ),
  );
};

/** subscriptions/listen: the upstream's changes of what this grant may use, and those that policies make. */
export const listen = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const { response } = exchange;
  const { id, method, params } = request;
  const asked = filterOf(request);
  if (!asked) return refuseFilter(parts, exchange, request);
  const allowed = await decide(parts, exchange, request, [...new Set(asked.uris)]);
  const complete = (outcome: Parameters<Allowed['complete']>[0]): void => {
    for (const { verdict } of allowed) verdict.complete(outcome);
  };
  if (response.destroyed)
    return complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const { resourceSubscriptions: _judged, taskIds, ...others } = asked.filter;
  const own = ownTasks(parts, exchange, taskIds);
  const filter = {
    ...others,
    ...(allowed.length === 0 ? {} : { resourceSubscriptions: allowed.map(({ uri }) => uri) }),
    ...(own.size === 0 ? {} : { taskIds: [...own.keys()] }),
  };
  const body = Buffer.from(
    JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, notifications: filter } }),
  );
  return relayListen(parts, exchange, upstreamPost(parts, { ...exchange, body }, request), {
    id,
    filter,
    done: complete,
    clientsTaskId: (taskId) => own.get(taskId) ?? taskId,
  });
};
