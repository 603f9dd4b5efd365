import { parseObject, type Json } from '../../platform/json/json-object.js';
import { JSON_RPC_CODES } from '../protocol/codes.js';
import { readResponse } from '../protocol/response.js';
import type { UpstreamFailure } from '../upstream/forward.js';
import { isMessageId, type MessageId } from './exchanges.js';
import { isFailure, type OwnAnswer } from './own-requests.js';
import type { SessionState } from './session-state.js';
import { digestOf, toolsDigestOf, type SessionSnapshot } from './session-store.js';
import { isToolPage, ToolListDigest } from './tool-list-digest.js';

type Answer = Promise<OwnAnswer | UpstreamFailure>;

/** Requests of our own on the new channel; none of them rejects. */
export type RestartChannel = Readonly<{
  request: (method: string, params: Json) => Answer;
  replay: (id: MessageId, body: Buffer) => Answer;
  notify: (body: Buffer) => void;
}>;

const INITIALIZED = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');
const MAX_PAGES = 100;

const refused: UpstreamFailure = { kind: 'broken', sent: false };

/** The digest of all tools that the server lists now. */
const listTools = async ({ request }: RestartChannel): Promise<string | UpstreamFailure> => {
  const pages = new ToolListDigest();
  let params: Json = {};
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const answer = await request('tools/list', params);
    if (isFailure(answer)) return answer;
    const response = readResponse(answer.message);
    if (response?.kind === 'error' && response.code === JSON_RPC_CODES.methodNotFound) return toolsDigestOf([]);
    if (response?.kind !== 'result' || !isToolPage(response.result)) return refused;
    const { result } = response;
    const digest = pages.page(params, result, answer.text);
    if (digest !== undefined) return digest;
    if (pages.next === undefined) return refused;
    params = { cursor: pages.next };
  }
  return refused;
};

/** Their answers do not matter: the client got its own. */
const repeatSettings = async (
  { request }: RestartChannel,
  { logLevel, subscriptions }: SessionSnapshot,
): Promise<void> => {
  if (logLevel !== undefined) await request('logging/setLevel', { level: logLevel });
  for (const uri of subscriptions) await request('resources/subscribe', { uri });
};

/**
 * Begins a session again on a new channel: replays its own `initialize`, compares the result and the tools with those
 * of before, and repeats log level and subscriptions. `replaced`: the server is not the same any more.
 */
export const restartSession = async (
  state: SessionState,
  channel: RestartChannel,
): Promise<'restarted' | 'replaced' | UpstreamFailure> => {
  const { snapshot } = state;
  const id = parseObject(state.initialize)?.['id'];
  if (!snapshot || !isMessageId(id)) return 'replaced';
  const answer = await channel.replay(id, Buffer.from(state.initialize));
  if (isFailure(answer)) return answer;
  const response = readResponse(answer.message);
  if (response?.kind !== 'result' || digestOf(response.result) !== snapshot.resultDigest) return 'replaced';
  state.result = response.result;
  channel.notify(INITIALIZED);
  if (snapshot.toolsDigest !== undefined) {
    const tools = await listTools(channel);
    if (typeof tools !== 'string') return tools;
    if (tools !== snapshot.toolsDigest) return 'replaced';
  }
  await repeatSettings(channel, snapshot);
  state.isReady = true;
  return 'restarted';
};
