import { jsonRpcError, sendJson, sendStatus } from '../../mcp/protocol/answers.js';
import { ownTraceId, findParamHeaderRefusal, readModern } from '../../mcp/protocol/modern-request.js';
import { paramHeadersOf, type ParamHeader } from '../../mcp/protocol/param-headers.js';
import { toolCallParams, type Message, type Request } from '../../mcp/protocol/read-message.js';
import { callTool } from './call-tool.js';
import { discover } from '../lists/discover.js';
import type { ModernExchange } from '../relay/exchange.js';
import type { ServeDeps } from './gateway-deps.js';
import { isList } from '../lists/list-kinds.js';
import { listItems } from '../lists/list-items.js';
import { listen } from './listen.js';
import { refuseIfUnavailable, refuseMethod, refuseModern } from './refusals.js';
import { relayTaskRequest, isTaskMethod } from './tasks.js';
import { withinQuota } from './within-quota.js';
import { useNamed } from './use-named.js';
import type { ToolFacts } from '../directory/tool-facts.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

const USES = new Set(['resources/read', 'prompts/get', 'completion/complete']);

/**
 * A message of the modern era: no session, all that is to be known of it in itself. Clients send requests alone; a
 * notification is taken and has no effect.
 */
export const serveModern = async (
  deps: ServeDeps,
  received: Omit<ModernExchange, 'session'>,
  message: Message,
): Promise<void> => {
  const { request, response } = received;
  if (message.kind === 'response')
    return sendJson(
      response,
      400,
      jsonRpcError(null, JSON_RPC_CODES.invalidRequest, 'clients send no responses in this revision'),
    );
  if (message.kind === 'notification') return sendStatus(response, 202);
  const read = readModern(request.headers, message);
  const session = read.ok ? read.caller : UNKNOWN_CALLER;
  const { who, sourceIp, body, readAtMs } = received;
  const exchange: ModernExchange = {
    request,
    response,
    who,
    sourceIp,
    traceId: ownTraceId(message) ?? received.traceId,
    session,
    body,
    readAtMs,
  };
  if (!read.ok) return refuseModern(deps, exchange, message, read.refusal);
  return dispatch(deps, exchange, message);
};

/** Who a request comes from that did not say it as it must. */
const UNKNOWN_CALLER: ModernExchange['session'] = {
  era: 'modern',
  sessionId: null,
  upstreamSession: undefined,
  protocolVersion: 'unknown',
  clientCapabilities: {},
};

const dispatch = async (deps: ServeDeps, exchange: ModernExchange, request: Request): Promise<void> => {
  const { method, id } = request;
  if (method === 'tools/call') return callChecked(deps, exchange, request);
  if (USES.has(method)) return useNamed(deps, exchange, request);
  const passed =
    isList(method) ||
    isTaskMethod('modern', method) ||
    method === 'server/discover' ||
    method === 'subscriptions/listen';
  if (!passed) return refuseMethod(deps, exchange, request);
  if (refuseIfUnavailable(deps, exchange, id)) return undefined;
  const quota = method === 'subscriptions/listen' ? deps.quotas.streams : deps.quotas.collections;
  return withinQuota(deps, quota, exchange, { quotaRequest: request, work: () => passOn(deps, exchange, request) });
};

const passOn = (deps: ServeDeps, exchange: ModernExchange, request: Request): Promise<void> => {
  const { method } = request;
  if (isTaskMethod('modern', method)) return relayTaskRequest(deps, exchange, request);
  if (method === 'server/discover') return discover(deps, exchange, request);
  return method === 'subscriptions/listen' ? listen(deps, exchange, request) : listItems(deps, exchange, request);
};

const callChecked = async (deps: ServeDeps, exchange: ModernExchange, request: Request): Promise<void> => {
  const given = toolCallParams(request);
  const tool = given && exchange.who.server.tools.get(given.name);
  const refusal = tool && findParamHeaderRefusal(exchange.request.headers, mirroredBy(tool), given.arguments);
  return refusal ? refuseModern(deps, exchange, request, refusal) : callTool(deps, exchange, request);
};

const mirrored = new WeakMap<ToolFacts, readonly ParamHeader[]>();

/** Looked for once in each tool's schema. */
const mirroredBy = (tool: ToolFacts): readonly ParamHeader[] => {
  const known = mirrored.get(tool);
  if (known) return known;
  const found = paramHeadersOf(tool.schema) ?? [];
  mirrored.set(tool, found);
  return found;
};
