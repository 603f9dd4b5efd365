import { isObject, type Json } from '../json/json-object.js';
import { parsedJson, parsedList } from '../json/parsed-json.js';
import type { PolicyFacts } from '../directory/facts.js';
import type { Era } from '../platform/era.js';
import type { Work } from '../policy-engine/conditions/work.js';
import { isListed, type Kind } from '../policy-engine/decide.js';
import { headerOf, isEventStream } from '../mcp/headers.js';
import { beginEventStream, jsonRpcError, jsonRpcResult, OWN_CODES, sendJson, writeJsonHead } from '../mcp/answers.js';
import type { Request } from '../mcp/read-message.js';
import { collectAnswer, isFailure, messageIn, type Collected } from '../relay/collect-answer.js';
import { failures } from '../relay/relay-answer.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { InSession } from '../relay/exchange.js';
import { filterInTurns } from './filter-in-turns.js';
import type { ListParts } from './list-parts.js';
import { makePinnedTools } from './listed-tools.js';
import { formatSse, parseSse, type SseEvent } from '../event-streams/sse.js';

/** As much as discovery reads of all pages of a server. */
const MAX_LIST_BYTES = 10 * 1024 * 1024;

/** A page is parsed in one go. A tool, of which discovery knows 1000, is hashed and compared with others; of the rest only the name is looked up. */
const MOST_TOOLS = 2000;
const MOST_OTHERS = 20_000;

/** A list that the protocol has: the member of its result that holds the items, `most` of them on a page, and the member of an item that names it. A template is judged by its text. */
type List = Readonly<{ items: string; name: string; kind: Kind; most: number }>;

const LISTS: ReadonlyMap<string, List> = new Map<string, List>([
  ['tools/list', { items: 'tools', name: 'name', kind: 'tool', most: MOST_TOOLS }],
  ['prompts/list', { items: 'prompts', name: 'name', kind: 'prompt', most: MOST_OTHERS }],
  ['resources/list', { items: 'resources', name: 'uri', kind: 'resource', most: MOST_OTHERS }],
  ['resources/templates/list', { items: 'resourceTemplates', name: 'uriTemplate', kind: 'resource', most: MOST_OTHERS }],
]);

export const isList = (method: string): boolean => LISTS.has(method);

type Filter = (message: unknown, characters: number) => Promise<Json | undefined>;
type Shows = (item: Json) => boolean;

/** How long a client may go by what it was told: as long as a change of policy may take to reach every gateway. */
const FRESH_MS = 1000;

/** A result of the modern era, for the grant that it was made for alone. */
export const cacheable = (result: Json): Json => {
  const { ttlMs } = result;
  return { resultType: 'complete', ...result, ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? Math.min(Math.trunc(ttlMs), FRESH_MS) : 0, cacheScope: 'private' };
};

type Showing = Readonly<{ shows: Shows; era: Era }>;

/** The answer with the items that this policy shows, of tools those that `shows` takes too; anything else in it unchanged. An error in the place of a page that is too long; undefined when it is no answer to a request for this list. */
const filterOf =
  ({ compiled }: PolicyFacts, { items, name, kind, most }: List, { shows, era }: Showing): Filter =>
  async (message, characters) => {
    if (!isObject(message)) return undefined;
    if (isObject(message['error'])) return 'result' in message ? undefined : message;
    const result = message['result'];
    if (!isObject(result) || !Array.isArray(result[items])) return undefined;
    if (result[items].length > most) return { jsonrpc: '2.0', id: message['id'], error: { code: OWN_CODES.upstreamError, message: `the MCP server lists more than ${most} ${items} on one page` } };
    const isShown = (item: unknown, work: Work): boolean =>
      isObject(item) && typeof item[name] === 'string' && isListed(compiled, item[name], kind, work) && (kind !== 'tool' || shows(item));
    const shown = await filterInTurns(result[items], isShown, characters);
    return { ...message, result: era === 'modern' ? cacheable({ ...result, [items]: shown }) : { ...result, [items]: shown } };
  };

const filteredBody = async (text: string, filter: Filter): Promise<string | undefined> => {
  const shown = await filter(parsedList(text), text.length);
  return shown && JSON.stringify(shown);
};

const isAnswer = (message: unknown): message is Json => isObject(message) && ('result' in message || 'error' in message);

/** The same for a buffered event stream: other messages in it stay; an answer that can't be read, or a second one, makes the whole undefined. */
const filteredStream = async (text: string, filter: Filter): Promise<string | undefined> => {
  let answered = false;
  const events: SseEvent[] = [];
  for (const event of parseSse(text)) {
    const message = parsedList(event.data);
    const shown: Json | undefined = isAnswer(message) && !answered ? await filter(message, event.data.length) : undefined;
    if (isAnswer(message) && !shown) return undefined;
    answered ||= shown !== undefined;
    events.push(shown ? { ...event, data: JSON.stringify(shown) } : event);
  }
  return answered ? events.map(formatSse).join('') : undefined;
};

const idOfBody = (text: string): unknown => {
  const message = parsedJson(text);
  return isObject(message) ? message['id'] : undefined;
};
const idOfStream = (text: string): unknown => parseSse(text).map(({ data }) => parsedJson(data)).find(isAnswer)?.['id'];

/**
 * A list, one page as the upstream gives it: what is hidden, under `default: deny` what has no entry, and tools whose definition is not the pinned one are
 * left out. Cursors are the upstream's own. An answer that can't be read lists nothing of it: it becomes an error. A changed definition is on record before
 * the client has its list, if the database can be reached.
 */
export const listItems = async (parts: ListParts, exchange: InSession, request: Request): Promise<void> => {
  const { who, session, response } = exchange;
  const list = LISTS.get(request.method);
  if (!list) throw new Error(`${request.method} is no list`);
  if (!who.policy) return sendJson(response, 200, jsonRpcResult(request.id, session.era === 'modern' ? cacheable({ [list.items]: [] }) : { [list.items]: [] }));
  const answer = await collectAnswer(parts, upstreamPost(parts, exchange, request), { maxBytes: MAX_LIST_BYTES, id: request.id });
  if (isFailure(answer)) return sendJson(response, 200, jsonRpcError(request.id, failures[answer.kind].code, failures[answer.kind].message));
  if (answer.status !== 200) return refuseAnswer(exchange, request.id, answer);
  const { policy } = who;
  const streamed = isEventStream(headerOf(answer.headers, 'content-type'));
  const cursor = request.params?.['cursor'];
  const key = JSON.stringify([who.server.id, who.server.version, policy.id, policy.version, streamed, session.era, request.method, cursor]);
  const { shows, seen } = makePinnedTools(who, policy);
  const filter = filterOf(policy, list, { shows, era: session.era });
  const shown = await parts.lists.filtered(key, { id: request.id, body: answer.body }, streamed ? { shown: (text) => filteredStream(text, filter), idOf: idOfStream } : { shown: (text) => filteredBody(text, filter), idOf: idOfBody });
  if (!shown) return sendJson(response, 200, unreadable(request.id));
  if (seen.size > 0) await parts.noticeTools({ organizationId: who.organization.id, serverId: who.server.id, tools: [...seen.values()] });
  if (response.destroyed) return;
  if (streamed) beginEventStream(response);
  else writeJsonHead(response, 200, shown.length);
  response.end(shown);
};

/** An upstream's refusal goes with its status where it is one that the client can read. */
const refuseAnswer = ({ response, session }: InSession, id: Request['id'], answer: Collected): void => {
  const message = messageIn(answer, id);
  if (session.era === 'legacy' && answer.status === 404) return sendJson(response, 404, jsonRpcError(id, OWN_CODES.upstreamError, 'the session has ended; initialize again'));
  if (!('error' in message) || 'result' in message) return sendJson(response, 200, unreadable(id));
  return sendJson(response, session.era === 'modern' && (answer.status === 400 || answer.status === 404) ? answer.status : 200, message);
};

const unreadable = (id: Request['id']) => jsonRpcError(id, OWN_CODES.upstreamError, 'the MCP server gave no readable list');
