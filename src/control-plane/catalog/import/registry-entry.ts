import { isObject, type Json } from '../../../platform/json/json-object.js';
import { isStorableText } from '../../../platform/json/storable.js';
import { clip } from '../../../platform/runtime/clip.js';
import type { CatalogEntry } from '../catalog-entry.js';
import { classifiedToolsOf } from '../classified-tools.js';
import { presetOf, textIn } from './server-preset.js';

/** What becomes of an entry of a registry: it is saved, or the server of this name is removed. */
export type Imported = Readonly<{ save: CatalogEntry }> | Readonly<{ remove: string }>;

const MAX_NAME_LENGTH = 200;
const MAX_SUMMARY_LENGTH = 500;
const MAX_TOOLS = 1000;
/** Where the official registry, and those that follow it, say what they know of an entry. */
const OFFICIAL = 'io.modelcontextprotocol.registry/official';

type Told = Readonly<{ server: Json; official: Json }>;

/** An entry as a list of the API wraps it, or a `server.json` as it is. */
const unwrap = (listed: Json): Told => {
  const server = isObject(listed['server']) ? listed['server'] : listed;
  const meta = [listed['_meta'], server['_meta']].filter(isObject).find((one) => isObject(one[OFFICIAL]));
  return { server, official: meta === undefined ? {} : (meta[OFFICIAL] as Json) };
};

const statusOf = ({ server, official }: Told): string | undefined =>
  textIn(official, 'status') ?? textIn(server, 'status');

/** A description on one line, without what a terminal or a page would act on. */
const summaryOf = (server: Json): string => {
  const text = server['description'];
  if (typeof text !== 'string') return '';
  const line = clip(text, 4 * MAX_SUMMARY_LENGTH).replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return isStorableText(line) ? clip(line.trim(), MAX_SUMMARY_LENGTH) : '';
};

/** A name that an address and a page can show: printable characters of ASCII, as registries demand. */
const nameOf = (server: Json): string | undefined => {
  const name = textIn(server, 'name', MAX_NAME_LENGTH);
  return name !== undefined && /^[\x21-\x7e]+$/.test(name) ? name : undefined;
};

const toolsOf = (
  listed: Json,
  server: Json,
  name: string,
  today: string,
): Pick<CatalogEntry, 'tools' | 'verifiedOn'> => {
  const tools = listed['tools'] ?? server['tools'];
  if (!Array.isArray(tools)) return { tools: undefined, verifiedOn: null };
  return {
    tools: classifiedToolsOf(tools.slice(0, MAX_TOOLS), { name, description: summaryOf(server) }),
    verifiedOn: today,
  };
};

/**
 * What an entry of a registry says, as bounded as it may be hostile; undefined when it has no name, or is not the
 * latest version of its server. `today` is YYYY-MM-DD. Tools, which `server.json` has no place for, are classified
 * where a file lists them in `tools`.
 */
export const importedOf = (listed: unknown, today: string): Imported | undefined => {
  if (!isObject(listed)) return undefined;
  const told = unwrap(listed);
  const { server, official } = told;
  const name = nameOf(server);
  if (name === undefined || official['isLatest'] === false) return undefined;
  const status = statusOf(told);
  if (status === 'deleted') return { remove: name };
  return {
    save: {
      name,
      summary: summaryOf(server),
      version: textIn(server, 'version', MAX_NAME_LENGTH) ?? null,
      source: 'registry',
      isDeprecated: status === 'deprecated',
      ...presetOf(server),
      ...toolsOf(listed, server, name, today),
    },
  };
};
