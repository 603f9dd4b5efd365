import { toJsonText } from '../../platform/json/exact-number.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { MAX_JSON_DEPTH } from '../../platform/json/foreign-json.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import type { PolicyFacts } from '../directory/facts.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { Work } from '../../policy-engine/conditions/work.js';
import { isListed, type Kind } from '../../policy-engine/decide.js';
import { prepareList } from '../../policy-engine/prepare.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { beginEventStream, jsonRpcError, jsonRpcResult, sendJson, writeJsonHead } from '../../mcp/protocol/answers.js';
import { foldCase, type Request } from '../../mcp/protocol/read-message.js';
import { collectAnswer, isUpstreamFailure, messageIn, type Collected } from '../relay/collect-answer.js';
import { failureResponse } from '../relay/relayed.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange } from '../relay/exchange.js';
import { filterInTurns } from './filter-in-turns.js';
import { LIST_MEMBERS } from '../relay/value-kinds.js';
import { scanMessage } from '../relay/passable-message.js';
import { mayHoldMarks } from '../relay/needles.js';
import type { ListParts } from './list-parts.js';
import { makeToolScreen } from './tool-screen.js';
import { formatSse, parseSse, type SseEvent } from '../../mcp/wire/sse.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

/** As much as discovery reads of all pages of a server. */
const MAX_LIST_BYTES = 10 * 1024 * 1024;

/**
 * A page is parsed in one go. A tool, of which discovery knows 1000, is hashed and compared with others; of the rest
 * only the name is looked up.
 */
const MAX_TOOLS = 2000;
const MAX_OTHER_ITEMS = 20_000;

/**
 * A list of the protocol: the member of its result that holds the items, how many of them a page may have, and the
 * member of an item that names it. A template is judged by its text.
 */
type List = Readonly<{ items: string; name: string; kind: Kind; maxItems: number }>;

const LISTS: ReadonlyMap<string, List> = new Map<string, List>([
  ['tools/list', { items: 'tools', name: 'name', kind: 'tool', maxItems: MAX_TOOLS }],
  ['prompts/list', { items: 'prompts', name: 'name', kind: 'prompt', maxItems: MAX_OTHER_ITEMS }],
  ['resources/list', { items: 'resources', name: 'uri', kind: 'resource', maxItems: MAX_OTHER_ITEMS }],
  [
    'resources/templates/list',
    { items: 'resourceTemplates', name: 'uriTemplate', kind: 'resource', maxItems: MAX_OTHER_ITEMS },
  ],
]);

/** Whether a method lists tools, prompts, resources or resource templates. */
export const isList = (method: string): boolean => LISTS.has(method);

type Filter = (message: unknown, characters: number) => Promise<Json | undefined>;
type Shows = (item: Json) => boolean;

/** How long a client may go by what it was told: as long as a change of policy may take to reach every gateway. */
const MAX_TTL_MS = 1000;

/** A result of the modern era, for the grant that it was made for alone. */
export const cacheable = (result: Json): Json => {
  const { ttlMs } = result;
  return {
    resultType: 'complete',
    ...result,
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? Math.min(Math.trunc(ttlMs), MAX_TTL_MS) : 0,
    cacheScope: 'private',
  };
};

/** `asked`: the id of the request. */
type Showing = Readonly<{ shows: Shows; era: Era; asked: Request['id'] }>;

/**
 * What a list's result has beside its items. Nothing else passes: what is hidden could stand in it for clients that
 * read it in another way.
 */
const BESIDE_ITEMS = ['resultType', 'nextCursor', 'ttlMs', 'cacheScope', '_meta'];

/** Whether a value holds what a client could take for a list's items. */
const holdsList = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(holdsList);
  return (
    isObject(value) &&
    Object.entries(value).some(
      ([key, member]) => (LIST_MEMBERS.has(foldCase(key)) && Array.isArray(member)) || holdsList(member),
    )
  );
};

const besideItems = (result: Json): Json =>
  Object.fromEntries(
    BESIDE_ITEMS.filter((name) => Object.hasOwn(result, name) && !holdsList(result[name])).map((name) => [
      name,
      result[name],
    ]),
  );

/** An upstream's error without what does not belong there. */
const errorOf = ({ code, message, data }: Json): Json => ({
  code,
  message,
  ...(data === undefined || holdsList(data) ? {} : { data }),
});

/**
 * The answer to this request with the items that this policy shows, of tools those that `shows` takes too. An error in
 * the place of a page that is too long; undefined when it is no answer to a request for this list.
 */
const filterOf =
  ({ compiled }: PolicyFacts, { items, name, kind, maxItems }: List, { shows, era, asked: id }: Showing): Filter =>
  async (message, characters) => {
    if (!isObject(message)) return undefined;
    const isOwn = message['id'] === id;
    // A server that could not read a request answers without its id.
    if (isObject(message['error']) && (isOwn || (message['id'] ?? null) === null))
      return 'result' in message ? undefined : { jsonrpc: '2.0', id, error: errorOf(message['error']) };
    if (!isOwn) return undefined;
    const result = message['result'];
    if (!isObject(result) || !Array.isArray(result[items])) return undefined;
    if (result[items].length > maxItems)
      return {
        jsonrpc: '2.0',
        id,
        error: {
          code: OWN_CODES.upstreamError,
          message: `the MCP server lists more than ${maxItems} ${items} on one page`,
        },
      };
    const isShown = (item: unknown, work: Work): boolean =>
      isObject(item) &&
      typeof item[name] === 'string' &&
      isListed(compiled, item[name], kind, work) &&
      (kind !== 'tool' || shows(item));
    const shown = await filterInTurns(result[items], isShown, characters);
    const page = { [items]: shown, ...besideItems(result) };
    return { jsonrpc: '2.0', id, result: era === 'modern' ? cacheable(page) : page };
  };

/** A message that every client reads alike; undefined for any other text. */
const readMessage = (text: string): Readonly<{ message: Json; isNotification: boolean }> | undefined => {
  const message = parsedJson(text);
  if (!isObject(message)) return undefined;
  const { scan } = scanMessage(Buffer.from(text));
  const isNotification = scan.has('method') && !scan.has('id') && !scan.has('result') && !scan.has('error');
  return scan.isBroken || scan.deepest > MAX_JSON_DEPTH ? undefined : { message, isNotification };
};

/** A message as JSON, without what only this gateway writes. */
const written = (message: Json): string => {
  const text = JSON.stringify(message);
  return mayHoldMarks(text) ? scanMessage(Buffer.from(text)).passed.toString('utf8') : text;
};

const filteredBody = async (text: string, filter: Filter): Promise<string | undefined> => {
  const shown = await filter(readMessage(text)?.message, text.length);
  return shown && written(shown);
};

/**
 * The same for a buffered event stream: notifications stay. Anything else in it that is not the one answer makes the
 * whole undefined.
 */
const filteredStream = async (text: string, filter: Filter): Promise<string | undefined> => {
  let answered = false;
  const events: SseEvent[] = [];
  for (const event of parseSse(text) ?? []) {
    if (event.data.trim() === '') continue;
    const read = readMessage(event.data);
    const shown = read?.isNotification
      ? read.message
      : answered
        ? undefined
        : await filter(read?.message, event.data.length);
    if (!read || !shown) return undefined;
    answered ||= !read.isNotification;
    events.push({ data: written(shown) });
  }
  return answered ? events.map(formatSse).join('') : undefined;
};

const isAnswer = (message: unknown): message is Json =>
  isObject(message) && ('result' in message || 'error' in message);
const idOfBody = (text: string): unknown => {
  const message = parsedJson(text);
  return isObject(message) ? message['id'] : undefined;
};
const idOfStream = (text: string): unknown =>
  parseSse(text)
    ?.map(({ data }) => parsedJson(data))
    .find(isAnswer)?.['id'];

const emptyList = (id: Request['id'], { items }: List, era: Era): Json =>
  jsonRpcResult(id, era === 'modern' ? cacheable({ [items]: [] }) : { [items]: [] });

/** The same for requests whose answers, filtered, are the same when the upstream's are. */
const cacheKey = (
  { who: { server }, session }: Exchange,
  policy: PolicyFacts,
  { method, params }: Request,
  streamed: boolean,
): string =>
  toJsonText([server.id, server.version, policy.id, policy.version, streamed, session.era, method, params?.['cursor']]);

/**
 * A list, one page as the upstream gives it: what is hidden, under `default: deny` what has no entry, and tools whose
 * definition is not the pinned one are left out. Cursors are the upstream's own. An answer that can't be read lists
 * nothing of it: it becomes an error. A changed definition is on record before the client has its list, if the database
 * can be reached.
 */
export const listItems = async (parts: ListParts, exchange: Exchange, request: Request): Promise<void> => {
  const { who, session, response } = exchange;
  const list = LISTS.get(request.method);
  if (!list) throw new Error(`${request.method} is no list`);
  if (!who.policy) return sendJson(response, 200, emptyList(request.id, list, session.era));
  const answer = await collectAnswer(parts, upstreamPost(parts, exchange, request), {
    maxBytes: MAX_LIST_BYTES,
    id: request.id,
    until: response,
  });
  if (isUpstreamFailure(answer)) return sendJson(response, 200, failureResponse(request.id, answer));
  if (answer.status !== 200) return refuseAnswer(exchange, request.id, answer);
  const { policy } = who;
  await prepareList(policy.compiled, list.kind, who.organization.id);
  const streamed = isEventStream(headerOf(answer.headers, 'content-type'));
  const { shows, seen } = makeToolScreen(who, policy);
  const filter = filterOf(policy, list, { shows, era: session.era, asked: request.id });
  const shown = await parts.lists.filtered(
    cacheKey(exchange, policy, request, streamed),
    { id: request.id, body: answer.body },
    streamed
      ? { shown: (text) => filteredStream(text, filter), idOf: idOfStream }
      : { shown: (text) => filteredBody(text, filter), idOf: idOfBody },
  );
  if (!shown) return sendJson(response, 200, unreadableList(request.id));
  if (seen.size > 0)
    await parts.recordSeenTools({
      organizationId: who.organization.id,
      serverId: who.server.id,
      tools: [...seen.values()],
    });
  if (response.destroyed) return;
  if (streamed) beginEventStream(response);
  else writeJsonHead(response, 200, shown.length);
  response.end(shown);
};

/** An upstream's refusal goes with its status where it is one that the client can read. */
const refuseAnswer = ({ response, session }: Exchange, id: Request['id'], answer: Collected): void => {
  const message = messageIn(answer, id);
  if (session.era === 'legacy' && answer.status === 404)
    return sendJson(
      response,
      404,
      jsonRpcError(id, OWN_CODES.upstreamError, 'the session has ended; initialize again'),
    );
  if (!('error' in message) || 'result' in message) return sendJson(response, 200, unreadableList(id));
  return sendJson(
    response,
    session.era === 'modern' && (answer.status === 400 || answer.status === 404) ? answer.status : 200,
    message,
  );
};

const unreadableList = (id: Request['id']) =>
  jsonRpcError(id, OWN_CODES.upstreamError, 'the MCP server gave no readable list');
