import { flawOf } from '../../platform/json/foreign-json.js';
import { toJsonText } from '../../platform/json/exact-number.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import type { Era } from '../../mcp/protocol/era.js';
import { jsonRpcError, jsonRpcResult, writeJsonHead } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { serverMessageText } from '../../mcp/protocol/response.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { distinctMembersOf } from '../../mcp/wire/json-text.js';
import { isListed } from '../../policy-engine/decide.js';
import { prepareList } from '../../policy-engine/prepare.js';
import type { PolicyFacts } from '../directory/facts.js';
import { collectAnswer, isUpstreamFailure } from '../relay/collect-answer.js';
import type { Exchange } from '../relay/exchange.js';
import { InterimStream } from '../relay/interim-stream.js';
import { failureResponse } from '../relay/relayed.js';
import { startingSessions } from '../relay/starting-sessions.js';
import { errorUnderId, refusalOf } from '../relay/upstream-refusal.js';
import { upstreamPost } from '../relay/upstream-post.js';
import { CACHE_MEMBERS } from './cacheable.js';
import { cutPage, withoutOwnMarks, type ShowsItem } from './cut-page.js';
import { listOf, type ListKind } from './list-kinds.js';
import type { ListDeps } from './list-deps.js';
import { makeToolScreen, type ToolScreen } from './tool-screen.js';

/** As much as discovery reads of all pages of a server. */
const MAX_LIST_BYTES = 10 * 1024 * 1024;

const NO_EDITS = {};
const editsFor = (era: Era): typeof CACHE_MEMBERS => (era === 'modern' ? CACHE_MEMBERS : NO_EDITS);

/** A request for a list, and what it may show. */
type ListRequest = Readonly<{ id: Request['id']; era: Era; list: ListKind; shows: ShowsItem }>;

const ENVELOPE: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);
const isNull = (text: string | undefined): boolean => text === undefined || text === 'null';

/**
 * The result in a message that answers this request; undefined for any other message. A client that ignores case or
 * takes unknown members for known ones can't read it in another way.
 */
const resultIn = (message: string, id: Request['id']): string | undefined => {
  const members = distinctMembersOf(message);
  if (!members || [...members.keys()].some((key) => !ENVELOPE.has(key))) return undefined;
  return parsedJson(members.get('id') ?? '') === id && isNull(members.get('error')) ? members.get('result') : undefined;
};

const tooLong = ({ maxItems, items }: ListKind): string =>
  `the MCP server lists more than ${maxItems} ${items} on one page`;

/** What the client gets of an answer, as JSON; undefined when it is no answer to a request for this list. */
const filterAnswer = async (text: string, { id, era, list, shows }: ListRequest): Promise<string | undefined> => {
  if (flawOf(text) !== undefined) return undefined;
  const message = serverMessageText(text);
  const result = resultIn(message, id);
  if (result === undefined) return errorUnderId(message, id);
  const page = await cutPage(result, list, { shows, edits: editsFor(era) });
  if (page === undefined) return undefined;
  if (page === 'too_many') return JSON.stringify(jsonRpcError(id, OWN_CODES.upstreamError, tooLong(list)));
  return withoutOwnMarks(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${page.text}}`);
};

const emptyList = (id: Request['id'], { items }: ListKind, era: Era): string => {
  const members = Object.entries(editsFor(era)).map(([key, edit]) => [key, parsedJson(edit(undefined))] as const);
  return JSON.stringify(jsonRpcResult(id, { [items]: [], ...Object.fromEntries(members) }));
};

/** The same for requests whose answers, filtered, are the same when the upstream's are. */
const cacheKey = ({ who: { server }, session }: Exchange, policy: PolicyFacts, { method, params }: Request): string =>
  toJsonText([server.id, server.version, policy.id, policy.version, session.era, method, params?.['cursor']]);

const showsFor =
  ({ compiled }: PolicyFacts, { kind, name }: ListKind, screen: ToolScreen): ShowsItem =>
  (item, text, work) =>
    isListed(compiled, String(item[name]), kind, work) && (kind !== 'tool' || screen.shows(item, text));

const unreadableList = (id: Request['id']): string =>
  JSON.stringify(jsonRpcError(id, OWN_CODES.upstreamError, 'the MCP server gave no readable list'));

/**
 * A list, one page as the upstream gives it: what is hidden, under `default: deny` what has no entry, and tools whose
 * definition is not the pinned one are left out. Cursors are the upstream's own. An answer that can't be read becomes
 * an error. What the server asks meanwhile reaches the client at once. A changed definition is on record before the
 * client has its list, if the database can be reached.
 */
export const listItems = async (deps: ListDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { who, session, response } = exchange;
  const { policy } = who;
  const { id } = request;
  const list = listOf(request.method);
  const stream = new InterimStream(deps, exchange);
  if (!policy) return stream.send(200, emptyList(id, list, session.era));
  const answer = await collectAnswer(
    { forward: (upstream, sink) => startingSessions.forward(deps.forward, session.sessionId, upstream, sink) },
    upstreamPost(deps, exchange, request),
    { maxBytes: MAX_LIST_BYTES, id, until: response, onInterim: (interim) => stream.pass(interim) },
  );
  if (isUpstreamFailure(answer)) return stream.send(200, JSON.stringify(failureResponse(id, answer)));
  if (answer.status < 200 || answer.status > 299) {
    const { status, text, headers } = refusalOf(answer, { id, session });
    return stream.send(status, text, headers);
  }
  await prepareList(policy.compiled, list.kind, who.organization.id);
  const screen = makeToolScreen(who, policy);
  const asked: ListRequest = { id, era: session.era, list, shows: showsFor(policy, list, screen) };
  const shown = await deps.lists.filtered(cacheKey(exchange, policy, request), { id, body: answer.body }, (text) =>
    filterAnswer(text, asked),
  );
  if (!shown) return stream.send(200, unreadableList(id));
  await recordSeen(deps, exchange, screen);
  if (answer.isStream) return stream.sendEvent(shown.toString('utf8'));
  if (response.destroyed) return undefined;
  writeJsonHead(response, 200, shown.length);
  response.end(shown);
  return undefined;
};

const recordSeen = async (
  { recordSeenTools }: ListDeps,
  { who: { organization, server } }: Exchange,
  { seen }: ToolScreen,
): Promise<void> => {
  if (seen.size === 0) return;
  await recordSeenTools({ organizationId: organization.id, serverId: server.id, tools: [...seen.values()] });
};
