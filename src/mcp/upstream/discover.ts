import { randomUUID } from 'node:crypto';
import type { Json } from '../../platform/json/json-object.js';
import { isStorable } from '../../platform/json/storable.js';
import { clip } from '../../platform/runtime/clip.js';
import { REVISIONS, type Era } from '../protocol/era.js';
import { spelledOut } from '../../platform/runtime/look-alikes.js';
import { ask, errorOf, resultOf, type UpstreamAnswer } from './ask.js';
import {
  DiscoveryFailed,
  DiscoveryStopped,
  DiscoveryTimedOut,
  discoveryFailure,
  failureOf,
  isUnsupportedRevision,
  UNSUPPORTED_REVISION,
  type DiscoveryFailure,
} from './discovery-failure.js';
import { modernHeaders, ownModernBody } from '../protocol/modern.js';
import {
  answerServerRequest,
  openLegacySession,
  discoverModern,
  closeLegacySession,
  closeModernChannel,
  postInSession,
  postTo,
  type Handshake,
  type UpstreamTarget,
} from './probe.js';
import { listedTools, readTools, type DiscoveredTool, type ListedTool, type ReadTools } from './tool-definition.js';
import { JSON_RPC_CODES } from '../protocol/codes.js';

export { definitionHash, type DiscoveredTool } from './tool-definition.js';
export type { UpstreamTarget } from './probe.js';

/** `eras`: in which eras the server speaks, the preferred one first; `protocolVersion` is of that one. */
export type Discovered =
  | Readonly<{
      status: 'ready';
      detail: string | null;
      tools: readonly DiscoveredTool[];
      serverInfo: Json | null;
      protocolVersion: string;
      eras: readonly Era[];
    }>
  | DiscoveryFailure;

export const DISCOVERY_TIMEOUT_MS = 15_000;
const MAX_TOOLS = 1000;
const MAX_PAGES = 100;
const MAX_BYTES = 10 * 2 ** 20;
const MAX_REFUSED_SHOWN = 10;
const MAX_REFUSED_LENGTH = 80;
const CLOSE_TIMEOUT_MS = 1000;
/** A server of the legacy era may leave a request unanswered that it doesn't know. */
const SILENCE_SHARE = 1 / 3;

/**
 * Asks an MCP server what it offers: in which eras it speaks, then tools/list over all pages in the one it prefers; a
 * session that this opened is ended. Never throws: what fails becomes a status with a detail. Bounded to `timeoutMs`
 * (15 s) and 10 MiB in total, 100 pages, 1,000 tools; `detail` of a ready server says when tools were left out. Tools
 * keep every member that the server gave them. The only session that a server has is not ended where `keepSession`
 * takes it, as the server would never have another.
 */
export const discover = async (
  target: UpstreamTarget,
  timeoutMs = DISCOVERY_TIMEOUT_MS,
  keepSession?: (handshake: Handshake) => boolean,
): Promise<Discovered> => {
  const bounds = new DiscoveryBudget(timeoutMs);
  const handshakes: Handshake[] = [];
  try {
    const refused = await tryEras(target, bounds, handshakes);
    const [preferred] = handshakes;
    if (!preferred) return refused;
    const { serverInfo, protocolVersion } = preferred;
    const listed = await listTools(target, preferred, bounds);
    const eras = handshakes.map(({ era }) => era);
    if (keepSession && (await isOnlySession(target, bounds, handshakes)) && keepSession(preferred)) handshakes.shift();
    return {
      status: 'ready',
      ...listed,
      serverInfo: serverInfo && isStorable(serverInfo) ? serverInfo : null,
      protocolVersion,
      eras,
    };
  } catch (error) {
    return discoveryFailure(error);
  } finally {
    await closeSessions(target, handshakes);
  }
};

/** Whether a server refuses a second session beside the first of these; one that it gives is added to them. */
const isOnlySession = async (
  target: UpstreamTarget,
  bounds: DiscoveryBudget,
  handshakes: Handshake[],
): Promise<boolean> => {
  const [preferred] = handshakes;
  if (preferred?.session === undefined || target.server.transport.type !== 'streamable-http') return false;
  const { answer, handshake } = await openLegacySession(target, bounds.left(SILENCE_SHARE));
  if (handshake) handshakes.push(handshake);
  return !handshake && answer.kind !== 'failed' && (answer.status >= 400 || errorOf(answer) !== undefined);
};

/** What an earlier discovery found out about a server. */
export type KnownServer = Readonly<{ serverInfo: Json | null; protocolVersion: string | null; eras: readonly Era[] }>;

/**
 * Lists the tools in a session that a client has open; what else is known stays. Undefined when nothing is known, or
 * when the list can't be had in this session.
 */
export const discoverInSession = async (
  { target, handshake }: Readonly<{ target: UpstreamTarget; handshake: Handshake }>,
  { serverInfo, protocolVersion, eras }: KnownServer,
  timeoutMs = DISCOVERY_TIMEOUT_MS,
): Promise<Discovered | undefined> => {
  if (protocolVersion === null || eras.length === 0) return undefined;
  const listed = await listTools(target, handshake, new DiscoveryBudget(timeoutMs)).catch(() => undefined);
  return listed && { status: 'ready', ...listed, serverInfo, protocolVersion, eras };
};

/** In which eras a server speaks, the preferred one first; none when that could not be found out. Never throws. */
export const findEras = async (target: UpstreamTarget, timeoutMs = DISCOVERY_TIMEOUT_MS): Promise<readonly Era[]> => {
  const handshakes: Handshake[] = [];
  await tryEras(target, new DiscoveryBudget(timeoutMs), handshakes).catch(() => undefined);
  await closeSessions(target, handshakes);
  return handshakes.map(({ era }) => era);
};

const urlOf = ({ server }: UpstreamTarget): URL | undefined =>
  server.transport.type === 'stdio' ? undefined : server.transport.url;

/** Ends what the asking began. A server may not let clients end sessions: it then ends them itself. */
const closeSessions = async (target: UpstreamTarget, handshakes: readonly Handshake[]): Promise<void> => {
  const limits = { timeoutMs: CLOSE_TIMEOUT_MS, maxBytes: MAX_BYTES };
  await closeModernChannel(target, limits);
  for (const one of handshakes) await closeLegacySession(target, one, limits);
};

/** Collects a server's handshakes, the modern one first, and answers what is to be said when there are none. */
const tryEras = async (
  target: UpstreamTarget,
  bounds: DiscoveryBudget,
  handshakes: Handshake[],
): Promise<DiscoveryFailure> => {
  const { type } = target.server.transport;
  if (type === 'sse') return tryErasOverSse(target, bounds, handshakes);
  const began = performance.now();
  const { answer, handshake } = await discoverModern(target, bounds.left(SILENCE_SHARE));
  const tookMs = performance.now() - began;
  bounds.count(answer, true);
  if (handshake) handshakes.push(handshake);
  if (mayEndHere(answer, type)) return failureOf(answer, urlOf(target));
  const refused = await tryLegacy(target, bounds, handshakes, tookMs);
  return isUnsupportedRevision(answer) ? UNSUPPORTED_REVISION : refused;
};

/**
 * HTTP+SSE is older than the modern era, but some servers speak that over it too. It is asked for on a second
 * connection, which a server that has only one does not get, and only of servers that know the newest of the legacy
 * revisions.
 */
const tryErasOverSse = async (
  target: UpstreamTarget,
  bounds: DiscoveryBudget,
  handshakes: Handshake[],
): Promise<DiscoveryFailure> => {
  const refused = await tryLegacy(target, bounds, handshakes);
  if (handshakes[0]?.protocolVersion !== REVISIONS.legacy[0]) return refused;
  const { answer, handshake } = await discoverModern(target, bounds.left(SILENCE_SHARE));
  bounds.count(answer, true);
  if (handshake) handshakes.unshift(handshake);
  return refused;
};

/** A modern server that took `modernMs` to answer may take twice as long here: its command is started again. */
const tryLegacy = async (
  target: UpstreamTarget,
  bounds: DiscoveryBudget,
  handshakes: Handshake[],
  modernMs = 0,
): Promise<DiscoveryFailure> => {
  const limits = handshakes.length > 0 ? bounds.left(SILENCE_SHARE, 2 * modernMs) : bounds.left();
  const { answer, handshake } = await openLegacySession(target, limits);
  bounds.count(answer, handshakes.length > 0);
  // Without a session it could ask a client nothing and tell it of no change; spoken to as a modern server, it can.
  if (handshake && (handshake.session !== undefined || handshakes.length === 0)) handshakes.push(handshake);
  return failureOf(answer, urlOf(target));
};

/**
 * Whether the other era need not be tried: nobody is there, or a sign-in is wanted first. A process may have ended on a
 * request that it didn't know.
 */
const mayEndHere = (answer: UpstreamAnswer, transport: string): boolean =>
  answer.kind === 'failed'
    ? transport !== 'stdio' && answer.failure.kind !== 'timeout'
    : answer.status === 401 || answer.status === 403;

/** What a discovery may still spend. */
class DiscoveryBudget {
  readonly #timeoutMs: number;
  readonly #endsAt: number;
  #bytes = MAX_BYTES;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#endsAt = performance.now() + timeoutMs;
  }

  /** A share of the time that is left; more than that if `wantedMs` is, but a third stays for what follows. */
  left(share = 1, wantedMs = 0): Readonly<{ timeoutMs: number; maxBytes: number }> {
    const leftMs = this.#endsAt - performance.now();
    const timeoutMs = Math.max(1, leftMs * share, Math.min(wantedMs, leftMs * (1 - SILENCE_SHARE)));
    return { timeoutMs, maxBytes: this.#bytes };
  }

  /**
   * Takes in what an answer cost. @throws DiscoveryStopped when that was too much; being late is forgiven where silence
   * is an answer.
   */
  count(answer: UpstreamAnswer, mayBeSilent = false): void {
    if (answer.kind !== 'failed') this.#bytes -= answer.bytes;
    else if (answer.failure.kind === 'too_large')
      throw new DiscoveryStopped(`The server answered more than ${MAX_BYTES / 2 ** 20} MiB.`);
    else if (answer.failure.kind === 'timeout' && !mayBeSilent)
      throw new DiscoveryTimedOut(`The server gave no answer within ${this.#timeoutMs / 1000} s.`);
  }
}

const listTools = async (
  target: UpstreamTarget,
  handshake: Handshake,
  bounds: DiscoveryBudget,
): Promise<Readonly<{ tools: readonly DiscoveredTool[]; detail: string | null }>> => {
  const listed: ListedTool[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const { result, text } = await listPage(target, handshake, { cursor, bounds });
    const { tools, nextCursor } = result;
    if (!Array.isArray(tools)) throw new DiscoveryStopped('The server answered tools/list without a list of tools.');
    for (const tool of listedTools(tools, text)) listed.push(tool);
    // Some servers say "no more" by an empty cursor.
    cursor = typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined;
    if (cursor === undefined || listed.length > MAX_TOOLS || page === MAX_PAGES) break;
  }
  const read = readTools(listed.slice(0, MAX_TOOLS));
  return { tools: read.tools, detail: remark(cursor !== undefined || listed.length > MAX_TOOLS, read) };
};

const listPage = async (
  target: UpstreamTarget,
  handshake: Handshake,
  { cursor, bounds }: Readonly<{ cursor: string | undefined; bounds: DiscoveryBudget }>,
): Promise<Readonly<{ result: Json; text: string }>> => {
  const method = 'tools/list';
  const params = cursor === undefined ? {} : { cursor };
  // Unlike any id that a client may use in the same session.
  const id = `toolgate-list-${randomUUID()}`;
  const request =
    handshake.era === 'modern'
      ? postTo(target, 'modern', ownModernBody(id, method, params), modernHeaders(target.credential, method, params))
      : postInSession(target, handshake, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params })));
  const answer = await ask(target.forward, request, id, {
    ...bounds.left(),
    ...(handshake.era === 'legacy' ? { onServerRequest: answerServerRequest(target, handshake) } : {}),
  });
  bounds.count(answer);
  const result = resultOf(answer);
  if (result && answer.kind === 'response') return { result, text: answer.text };
  // A server without tools need not know the method.
  if (errorOf(answer)?.code === JSON_RPC_CODES.methodNotFound) return { result: { tools: [] }, text: '' };
  throw new DiscoveryFailed(failureOf(answer, urlOf(target)));
};

const refusedNames = ({ refused }: ReadTools): string => {
  const shown = refused
    .slice(0, MAX_REFUSED_SHOWN)
    .map(({ name, why }) => `${clip(spelledOut(name), MAX_REFUSED_LENGTH)} ${why}`);
  const more = refused.length > MAX_REFUSED_SHOWN ? [`and ${refused.length - MAX_REFUSED_SHOWN} more`] : [];
  return 'Tools refused because their names could be mistaken: ' + `${[...shown, ...more].join('; ')}.`;
};

const remark = (cut: boolean, read: ReadTools): string | null => {
  const remarks = [
    ...(cut ? [`The server lists more than ${MAX_TOOLS} tools or ${MAX_PAGES} pages: the rest is left out.`] : []),
    ...(read.leftOut > 0
      ? [`Tools left out because they have no name, the name of another, or text that can't be kept: ${read.leftOut}.`]
      : []),
    ...(read.refused.length > 0 ? [refusedNames(read)] : []),
  ];
  return remarks.length === 0 ? null : remarks.join(' ');
};
