import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { META, MODERN_REVISION } from '../../protocol/modern.js';
import type { Handshake } from '../../upstream/probe.js';
import { codeOf, toModernError } from '../errors.js';
import { drop, editObject, elementsOf, membersOf, setText, editNested, type Edit } from '../../wire/json-text.js';
import { JSON_RPC_CODES, LEGACY_CODES, MODERN_CODES, OWN_CODES } from '../../protocol/codes.js';

/**
 * Results that carry a lifetime (2026-07-28, "Caching"). A legacy server gives none, so these are stale at once.
 */
const CACHEABLE = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
/** The handshake is valid for the session's lifetime; clients may cache it for a minute. */
const DISCOVER_TTL_MS = 60_000;

const defaultTo = (value: unknown): Edit => {
  const text = JSON.stringify(value);
  return (given) => given ?? text;
};

const toModernResult = (result: string, method: string, serverInfo: Json | null): string =>
  editObject(result, {
    resultType: defaultTo('complete'),
    ...(CACHEABLE.has(method) ? { ttlMs: defaultTo(0), cacheScope: defaultTo('private') } : {}),
    ...(serverInfo === null ? {} : { _meta: editNested({ [META.serverInfo]: defaultTo(serverInfo) }) }),
  });

/** A message to the client and its HTTP status. */
export type HttpResponse = Readonly<{ text: string; status: number }>;

/** A JSON-RPC response as JSON text. `id` and `result` are JSON texts and go in as they are. */
export const resultMessage = (id: string, result: string): string => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;

/** The requests of a server as an `input_required` result; `state` identifies the retry. */
export const inputRequired = (
  requests: ReadonlyMap<string, Readonly<{ method: string; params: string | undefined }>>,
  state: string | undefined,
): string => {
  const inputRequests = [...requests].map(
    ([key, { method, params }]) =>
      `${JSON.stringify(key)}:{"method":${JSON.stringify(method)}${params === undefined ? '' : `,"params":${params}`}}`,
  );
  return (
    `{"resultType":"input_required","inputRequests":{${inputRequests.join(',')}}` +
    `${state === undefined ? '' : `,"requestState":${JSON.stringify(state)}`}}`
  );
};

/**
 * The parameters of a legacy server's own request without members that the modern era lacks: an elicitation's id, a
 * progress token.
 */
export const toInputParams = (params: string): string => {
  const kept = editObject(params, { elicitationId: drop, _meta: editNested({ progressToken: drop }) });
  return membersOf(kept).get('_meta') === '{}' ? editObject(kept, { _meta: drop }) : kept;
};

/**
 * The elicitations that a call's error requires before the call; none unless the client declared URL elicitation.
 */
const requiredElicitations = (
  error: string,
  capabilities: Json,
): ReadonlyMap<string, Readonly<{ method: string; params: string }>> => {
  const { elicitation } = capabilities;
  const can =
    codeOf(error) === LEGACY_CODES.urlElicitationRequired && isObject(elicitation) && isObject(elicitation['url']);
  const listed = can ? elementsOf(membersOf(membersOf(error).get('data') ?? '').get('elicitations') ?? '') : [];
  return new Map(
    listed
      .filter((text) => parseObject(text))
      .map((text, index) => [`url-${index + 1}`, { method: 'elicitation/create', params: toInputParams(text) }]),
  );
};

/**
 * A legacy server's response as the answer to a modern client's request `id` (the text of a JSON-RPC id). `missing`:
 * capabilities that the server needed and the client had not declared; an error is then blamed on them.
 */
export const toModernResponse = (
  response: string,
  to: Readonly<{
    id: string;
    method: string;
    params: Json;
    serverInfo: Json | null;
    capabilities: Json;
    missing: Json | undefined;
  }>,
): HttpResponse => {
  const error = membersOf(response).get('error');
  if (error === undefined)
    return {
      text: editObject(response, {
        id: setText(to.id),
        result: (result) => toModernResult(result ?? '{}', to.method, to.serverInfo),
      }),
      status: 200,
    };
  const wanted = requiredElicitations(error, to.capabilities);
  if (wanted.size > 0) return { text: resultMessage(to.id, inputRequired(wanted, undefined)), status: 200 };
  if (to.missing)
    return {
      text: errorResponse(to.id, {
        code: MODERN_CODES.missingCapability,
        message: 'the request needs a capability that was not declared',
        data: { requiredCapabilities: to.missing },
      }),
      status: 400,
    };
  const shown = toModernError(error, to.params['uri']);
  return {
    text: editObject(response, { id: setText(to.id), error: setText(shown) }),
    status: codeOf(shown) === JSON_RPC_CODES.methodNotFound ? 404 : 200,
  };
};

/** The result of `server/discover`, made from the session's handshake. */
export const discoverResult = ({ result, serverInfo }: Handshake): string => {
  const { capabilities, instructions } = result;
  const { tasks: _tasks, ...offered } = isObject(capabilities) ? capabilities : {};
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: [MODERN_REVISION],
    capabilities: offered,
    ...(typeof instructions === 'string' ? { instructions } : {}),
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'private',
    ...(serverInfo === null ? {} : { _meta: { [META.serverInfo]: serverInfo } }),
  });
};

/** A notification with its subscription's id. */
export const withSubscriptionId = (notification: string, subscriptionId: string): string =>
  editObject(notification, {
    params: editNested({ _meta: editNested({ [META.subscriptionId]: setText(subscriptionId) }) }),
  });

/**
 * The JSON text of the notification that acknowledges a subscription with what was granted; `subscriptionId` is JSON
 * text.
 */
export const acknowledgement = (subscriptionId: string, notifications: Json): string =>
  withSubscriptionId(
    '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged",' +
      `"params":${JSON.stringify({ notifications })}}`,
    subscriptionId,
  );

const errorResponse = (id: string, error: Json): string =>
  `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;

/** The JSON text of an error response that blames the MCP server; `id` is JSON text. */
export const upstreamError = (id: string, message: string): string =>
  errorResponse(id, { code: OWN_CODES.upstreamError, message });
