import type { Json } from '../../platform/json/json-object.js';
import { META, MODERN_REVISION } from '../protocol/modern.js';
import { drop, editObject, set, setText, editNested, type Edit } from '../wire/json-text.js';

/** The client as every modern request describes it; without `logLevel` it gets no log messages. */
export type Client = Readonly<{ info: Json; capabilities: Json; logLevel: string | undefined }>;

/**
 * A legacy request as a modern one: its own text with the client's description in `_meta`, its id and members of
 * `params` changed as `more` says.
 */
export const toModern = (
  body: string,
  client: Client,
  more: Readonly<{ id?: string; params?: Readonly<Record<string, Edit>> }> = {},
): string => {
  const _meta = editNested({
    [META.protocolVersion]: set(MODERN_REVISION),
    [META.clientInfo]: set(client.info),
    [META.clientCapabilities]: set(client.capabilities),
    [META.logLevel]: client.logLevel === undefined ? drop : set(client.logLevel),
  });
  return editObject(body, {
    ...(more.id === undefined ? {} : { id: setText(more.id) }),
    params: editNested({ ...more.params, _meta }),
  });
};

/** The `_meta` members that only modern requests have. */
const RESERVED = Object.fromEntries(
  [META.protocolVersion, META.clientInfo, META.clientCapabilities, META.logLevel].map((key) => [key, drop]),
);

const isEmpty = (object: string): boolean => /^\{\s*\}$/.test(object);

/**
 * A modern request as a legacy one of a shared session: its own text without the client's description, under our own id
 * and progress token.
 */
export const toLegacy = (body: string, own: Readonly<{ id: number; progressToken: number | undefined }>): string => {
  const _meta: Edit = (value) => {
    const kept = editObject(value ?? '{}', {
      ...RESERVED,
      progressToken: own.progressToken === undefined ? drop : set(own.progressToken),
    });
    return isEmpty(kept) ? undefined : kept;
  };
  return editObject(body, { id: set(own.id), params: editNested({ _meta, inputResponses: drop, requestState: drop }) });
};
