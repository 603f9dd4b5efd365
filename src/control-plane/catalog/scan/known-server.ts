import type { CatalogEntry } from '../catalog-entry.js';
import type { ConfiguredTransport } from './client-config.js';

/** `@scope/name@1.2`, `name==1.2` and `name[extra]` without what comes behind the name. */
const packageOf = (argument: string): string => argument.replace(/(?<=.)@[^/]*$|[=<>~![].*$/, '');

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined);

/**
 * Finds the catalog's entry for a server in an agent's configuration: by the package that its command starts, or by
 * the host of its URL. The name of the entry may be shown: it is the catalog's.
 */
export const makeKnownServer = (
  entries: readonly CatalogEntry[],
): ((transport: ConfiguredTransport) => CatalogEntry | undefined) => {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const byHost = new Map(
    entries.flatMap((entry) => {
      const host = hostOf(entry.preset.transport?.url ?? '');
      return host === undefined ? [] : [[host, entry]];
    }),
  );
  return (transport) => {
    if (transport.type !== 'stdio') return byHost.get(hostOf(transport.url) ?? '');
    const words = [...transport.command.split(/[\\/\s]/).slice(-1), ...transport.args];
    return words.map((word) => byName.get(packageOf(word))).find((entry) => entry !== undefined);
  };
};
