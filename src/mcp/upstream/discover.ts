import { isObject, type Json } from '../../platform/json/json-object.js';
import { isStorable } from '../../platform/json/storable.js';
import { clip } from '../../platform/runtime/clip.js';
import type { Era } from '../protocol/era.js';
import { spelledOut } from '../../platform/runtime/look-alikes.js';
import { ask, errorCodeOf, type Asked } from './ask.js';
import {
  DiscoveryFailed,
  DiscoveryStopped,
  discoveryFailure,
  failureOf,
  isUnsupportedRevision,
  UNSUPPORTED_REVISION,
  type DiscoveryFailure,
} from './discovery-failure.js';
import { modernHeaders, ownModernBody } from '../protocol/modern.js';
import {
  askLegacy,
  askModern,
  endLegacy,
  endModern,
  legacyHeaders,
  postTo,
  type Introduction,
  type Reach,
} from './probe.js';
import { readTools, type DiscoveredTool, type ReadTools } from './tool-definition.js';
import { JSON_RPC_CODES } from '../protocol/codes.js';

export { definitionHash, type DiscoveredTool } from './tool-definition.js';
export type { Reach } from './probe.js';

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
const MOST_TOOLS = 1000;
const MOST_PAGES = 100;
const MOST_BYTES = 10 * 2 ** 20;
const MOST_REFUSED = 10;
const LONGEST_REFUSED = 80;
const GOODBYE_MS = 1000;
/** A server of the legacy era may leave a request unanswered that it doesn't know. */
const SILENCE_SHARE = 1 / 3;

/**
 * Asks an MCP server what it offers: in which eras it speaks, then tools/list over all pages in the one it prefers; a
 * session that this opened is ended. Never throws: what fails becomes a status with a detail. Bounded to `timeoutMs`
 * (15 s) and 10 MiB in total, 100 pages, 1,000 tools; `detail` of a ready server says when tools were left out. Tools
 * keep every member that the server gave them.
 */
export const discover = async (reach: Reach, timeoutMs = DISCOVERY_TIMEOUT_MS): Promise<Discovered> => {
  const bounds = new Bounds(timeoutMs);
  const introductions: Introduction[] = [];
  try {
    const refused = await introduce(reach, bounds, introductions);
    const [preferred] = introductions;
    if (!preferred) return refused;
    const { serverInfo, protocolVersion } = preferred;
    const listed = await listTools(reach, preferred, bounds);
    return {
      status: 'ready',
      ...listed,
      serverInfo: serverInfo && isStorable(serverInfo) ? serverInfo : null,
      protocolVersion,
      eras: introductions.map(({ era }) => era),
    };
  } catch (error) {
    return discoveryFailure(error);
  } finally {
    await goodbye(reach, introductions);
  }
};

/** In which eras a server speaks, the preferred one first; none when that could not be found out. Never throws. */
export const findEras = async (reach: Reach, timeoutMs = DISCOVERY_TIMEOUT_MS): Promise<readonly Era[]> => {
  const introductions: Introduction[] = [];
  await introduce(reach, new Bounds(timeoutMs), introductions).catch(() => undefined);
  await goodbye(reach, introductions);
  return introductions.map(({ era }) => era);
};

/** Ends what the asking began. A server may not let clients end sessions: it then ends them itself. */
const goodbye = async (reach: Reach, introductions: readonly Introduction[]): Promise<void> => {
  const limits = { timeoutMs: GOODBYE_MS, maxBytes: MOST_BYTES };
  await endModern(reach, limits);
  for (const one of introductions) await endLegacy(reach, one, limits);
};

/** Collects a server's introductions, the modern one first, and answers what is to be said when there are none. */
const introduce = async (reach: Reach, bounds: Bounds, introductions: Introduction[]): Promise<DiscoveryFailure> => {
  const { type } = reach.server.transport;
  // HTTP+SSE is older than the modern era.
  if (type === 'sse') return introduceLegacy(reach, bounds, introductions);
  const { asked, introduction } = await askModern(reach, bounds.left(SILENCE_SHARE));
  bounds.count(asked, true);
  if (introduction) introductions.push(introduction);
  if (mayEndHere(asked, type)) return failureOf(asked);
  const refused = await introduceLegacy(reach, bounds, introductions);
  return isUnsupportedRevision(asked) ? UNSUPPORTED_REVISION : refused;
};

const introduceLegacy = async (
  reach: Reach,
  bounds: Bounds,
  introductions: Introduction[],
): Promise<DiscoveryFailure> => {
  const { asked, introduction } = await askLegacy(reach, bounds.left(introductions.length > 0 ? SILENCE_SHARE : 1));
  bounds.count(asked, introductions.length > 0);
  // Without a session it could ask a client nothing and tell it of no change; spoken to as a modern server, it can.
  if (introduction && (introduction.session !== undefined || introductions.length === 0))
    introductions.push(introduction);
  return failureOf(asked);
};

/**
 * Whether the other era need not be tried: nobody is there, or a sign-in is wanted first. A process may have ended on a
 * request that it didn't know.
 */
const mayEndHere = (asked: Asked, transport: string): boolean =>
  asked.kind === 'failed'
    ? transport !== 'stdio' && asked.failure.kind !== 'timeout'
    : asked.status === 401 || asked.status === 403;

/** What a discovery may still spend. */
class Bounds {
  readonly #timeoutMs: number;
  readonly #endsAt: number;
  #bytes = MOST_BYTES;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#endsAt = performance.now() + timeoutMs;
  }

  left(share = 1): Readonly<{ timeoutMs: number; maxBytes: number }> {
    return { timeoutMs: Math.max(1, (this.#endsAt - performance.now()) * share), maxBytes: this.#bytes };
  }

  /**
   * Takes in what an answer cost. @throws DiscoveryStopped when that was too much; being late is forgiven where silence
   * is an answer.
   */
  count(asked: Asked, mayBeSilent = false): void {
    if (asked.kind !== 'failed') this.#bytes -= asked.bytes;
    else if (asked.failure.kind === 'too_large')
      throw new DiscoveryStopped(`The server answered more than ${MOST_BYTES / 2 ** 20} MiB.`);
    else if (asked.failure.kind === 'timeout' && !mayBeSilent)
      throw new DiscoveryStopped(`The server gave no answer within ${this.#timeoutMs / 1000} s.`);
  }
}

const listTools = async (
  reach: Reach,
  introduction: Introduction,
  bounds: Bounds,
): Promise<Readonly<{ tools: readonly DiscoveredTool[]; detail: string | null }>> => {
  const listed: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const { tools, nextCursor } = await listPage(reach, introduction, { page, cursor, bounds });
    if (!Array.isArray(tools)) throw new DiscoveryStopped('The server answered tools/list without a list of tools.');
    for (const tool of tools) listed.push(tool);
    // Some servers say "no more" by an empty cursor.
    cursor = typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined;
    if (cursor === undefined || listed.length > MOST_TOOLS || page === MOST_PAGES) break;
  }
  const read = readTools(listed.slice(0, MOST_TOOLS));
  return { tools: read.tools, detail: remark(cursor !== undefined || listed.length > MOST_TOOLS, read) };
};

const listPage = async (
  reach: Reach,
  introduction: Introduction,
  { page, cursor, bounds }: Readonly<{ page: number; cursor: string | undefined; bounds: Bounds }>,
): Promise<Json> => {
  const method = 'tools/list';
  const params = cursor === undefined ? {} : { cursor };
  const request =
    introduction.era === 'modern'
      ? postTo(reach, 'modern', ownModernBody(page, method, params), modernHeaders(reach.credential, method, params))
      : postTo(
          reach,
          'legacy',
          Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: page, method, params })),
          legacyHeaders(reach, introduction),
        );
  const asked = await ask(reach.forward, request, page, bounds.left());
  bounds.count(asked);
  if (asked.kind === 'response' && isObject(asked.message['result'])) return asked.message['result'];
  // A server without tools need not know the method.
  if (asked.kind === 'response' && errorCodeOf(asked.message) === JSON_RPC_CODES.methodNotFound) return { tools: [] };
  throw new DiscoveryFailed(failureOf(asked));
};

const refusedNames = ({ refused }: ReadTools): string => {
  const shown = refused
    .slice(0, MOST_REFUSED)
    .map(({ name, why }) => `${clip(spelledOut(name), LONGEST_REFUSED)} ${why}`);
  return (
    'Tools refused because their names could be mistaken: ' +
    `${[...shown, ...(refused.length > MOST_REFUSED ? [`and ${refused.length - MOST_REFUSED} more`] : [])].join('; ')}.`
  );
};

const remark = (cut: boolean, read: ReadTools): string | null => {
  const remarks = [
    ...(cut ? [`The server lists more than ${MOST_TOOLS} tools or ${MOST_PAGES} pages: the rest is left out.`] : []),
    ...(read.leftOut > 0
      ? [`Tools left out because they have no name, the name of another, or text that can't be kept: ${read.leftOut}.`]
      : []),
    ...(read.refused.length > 0 ? [refusedNames(read)] : []),
  ];
  return remarks.length === 0 ? null : remarks.join(' ');
};
