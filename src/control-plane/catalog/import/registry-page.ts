import { readForeignJson } from '../../../platform/json/foreign-json.js';
import { isObject } from '../../../platform/json/json-object.js';

/** A page of a registry: entries as they came, and where the next one begins; null at the end. */
export type RegistryPage = Readonly<{ servers: readonly unknown[]; nextCursor: string | null }>;

const MAX_CURSOR_LENGTH = 1000;
/** Registries give at most 100; one that gives more gets no more of our time. */
const MAX_PAGE_ENTRIES = 1000;

/** Reads the answer to `GET /v0.1/servers`. Undefined when it is none. */
export const readRegistryPage = (text: string): RegistryPage | undefined => {
  const read = readForeignJson(text);
  if (!read.ok || !isObject(read.value)) return undefined;
  const { servers, metadata } = read.value;
  if (!Array.isArray(servers) && servers !== null) return undefined;
  const { nextCursor } = isObject(metadata) ? metadata : {};
  const isCursor = typeof nextCursor === 'string' && nextCursor !== '' && nextCursor.length <= MAX_CURSOR_LENGTH;
  return { servers: (servers ?? []).slice(0, MAX_PAGE_ENTRIES), nextCursor: isCursor ? nextCursor : null };
};
