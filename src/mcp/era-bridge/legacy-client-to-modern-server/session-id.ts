import { randomUUID } from 'node:crypto';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { isRevisionOf, REVISIONS } from '../../protocol/era.js';

/**
 * The session of a legacy client with a modern server, which has no sessions: the id holds the whole state, so that any
 * node serves any request. The gateway seals the id (encrypted, unforgeable), so this text needs no protection.
 */
export type LegacySession = Readonly<{ id: string; protocolVersion: string; capabilities: Json; clientInfo: Json }>;

/** Leaves room for the other parts of the sealed session in a header of 8 KiB. */
const MAX_ID_LENGTH = 3072;
const MAX_TEXT_LENGTH = 128;

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : 'unknown');

/** The capabilities that mean the same in both eras; tasks became an extension. */
const capabilitiesOf = (params: Json | undefined): Json => {
  const given = params?.['capabilities'];
  if (!isObject(given)) return {};
  const { tasks: _tasks, ...kept } = given;
  return kept;
};

/**
 * A new session for an initialize with these params, in the revision it asks for if that can be spoken, else the
 * newest. Undefined when its id would be too long.
 */
export const newSession = (params: Json | undefined): Readonly<{ session: LegacySession; id: string }> | undefined => {
  const asked = params?.['protocolVersion'];
  const info = isObject(params?.['clientInfo']) ? params['clientInfo'] : {};
  const session: LegacySession = {
    id: randomUUID(),
    protocolVersion: isRevisionOf('legacy', asked) ? asked : REVISIONS.legacy[0],
    capabilities: capabilitiesOf(params),
    clientInfo: { name: text(info['name']), version: text(info['version']) },
  };
  const id = Buffer.from(JSON.stringify(session)).toString('base64url');
  return id.length > MAX_ID_LENGTH ? undefined : { session, id };
};

/** The session of an id that `newSession` made; undefined for any other text. */
export const decodeSession = (id: string): LegacySession | undefined => {
  const content = parseObject(Buffer.from(id, 'base64url').toString('utf8'));
  const { id: own, protocolVersion, capabilities, clientInfo } = content ?? {};
  if (
    typeof own !== 'string' ||
    !isRevisionOf('legacy', protocolVersion) ||
    !isObject(capabilities) ||
    !isObject(clientInfo)
  )
    return undefined;
  return { id: own, protocolVersion, capabilities, clientInfo };
};
