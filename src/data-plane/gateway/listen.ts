import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';
import { toJsonText } from '../../platform/json/exact-number.js';
import type { Json } from '../../platform/json/json-object.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import type { AllowedCall } from '../enforcement/call.js';
import { foldCase, type Request } from '../../mcp/protocol/read-message.js';
import { relayListen } from '../relay/listen-stream.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange } from '../relay/exchange.js';
import type { DecideDeps, ForwardDeps } from './gateway-deps.js';
import { governedCall } from './governed-call.js';

const MAX_URIS = 100;
const MAX_URI_LENGTH = 2048;
const FIELDS = ['toolsListChanged', 'resourcesListChanged', 'promptsListChanged', 'resourceSubscriptions', 'taskIds'];
const FOLDED = new Set(FIELDS.map(foldCase));

const isUri = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= MAX_URI_LENGTH;

/** The filter of a `subscriptions/listen` and the resources in it; undefined when servers may read it in two ways. */
const filterOf = ({ params }: Request): Readonly<{ filter: Json; uris: readonly string[] }> | undefined => {
  const filter = params?.['notifications'];
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) return undefined;
  if (Object.keys(filter).some((key) => FOLDED.has(foldCase(key)) && !FIELDS.includes(key))) return undefined;
  const { resourceSubscriptions: uris = [] } = filter as Json;
  return Array.isArray(uris) && uris.length <= MAX_URIS && uris.every(isUri)
    ? { filter: filter as Json, uris }
    : undefined;
};

/**
 * Decides each resource by itself. The refused ones are left out of the request to the upstream, and so out of its
 * acknowledgement.
 */
const decideResources = async (
  deps: DecideDeps & ForwardDeps,
  exchange: Exchange,
  request: Request,
  uris: readonly string[],
): Promise<readonly Readonly<{ uri: string; enforced: AllowedCall }>[]> => {
  const allowed: { uri: string; enforced: AllowedCall }[] = [];
  for (const uri of uris) {
    const enforced = await deps.enforcement.enforce({
      ...governedCall(exchange, request, { tool: uri, arguments: { uri } }),
      kind: 'resource',
      standing: true,
    });
    deps.metrics.decisions.inc({ effect: enforced.decision.effect, code: enforced.decision.code });
    if (enforced.allowed) allowed.push({ uri, enforced });
  }
  return allowed;
};

/** The tasks in a filter that belong to this grant: the client's id of each by the server's. */
const ownTasks = (deps: ForwardDeps, { who }: Exchange, sealed: unknown): ReadonlyMap<string, string> => {
  const own = new Map<string, string>();
  for (const one of Array.isArray(sealed) ? sealed.slice(0, MAX_URIS) : []) {
    const taskId = deps.taskIds.opened(who, one);
    if (taskId !== undefined) own.set(taskId, String(one));
  }
  return own;
};

const refuseFilter = async (deps: DecideDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { id, method } = request;
  await deps.enforcement.refuseUnread(
    governedCall(exchange, request, { tool: null, arguments: undefined }),
    'malformed',
    `${method} without a usable filter`,
  );
  return sendJson(
    exchange.response,
    200,
    jsonRpcError(
      id,
      JSON_RPC_CODES.invalidParams,
      `params of ${method} need notifications, an object; resourceSubscriptions in it are at most ${MAX_URIS} URIs`,
    ),
  );
};

/**
 * Serves `subscriptions/listen`: changes that the upstream reports of what this grant may use, and those of policies.
 */
export const listen = async (deps: DecideDeps & ForwardDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { response } = exchange;
  const { id, method, params } = request;
  const asked = filterOf(request);
  if (!asked) return refuseFilter(deps, exchange, request);
  const allowed = await decideResources(deps, exchange, request, [...new Set(asked.uris)]);
  const complete = (outcome: Parameters<AllowedCall['complete']>[0]): void => {
    for (const { enforced } of allowed) enforced.complete(outcome);
  };
  if (response.destroyed)
    return complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const { resourceSubscriptions: _judged, taskIds, ...others } = asked.filter;
  const own = ownTasks(deps, exchange, taskIds);
  const filter = {
    ...others,
    ...(allowed.length === 0 ? {} : { resourceSubscriptions: allowed.map(({ uri }) => uri) }),
    ...(own.size === 0 ? {} : { taskIds: [...own.keys()] }),
  };
  const body = Buffer.from(toJsonText({ jsonrpc: '2.0', id, method, params: { ...params, notifications: filter } }));
  return relayListen(deps, exchange, upstreamPost(deps, { ...exchange, body }, request), {
    id,
    filter,
    done: complete,
    clientsTaskId: (taskId) => own.get(taskId) ?? taskId,
  });
};
