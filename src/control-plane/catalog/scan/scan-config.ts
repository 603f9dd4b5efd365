import type { OpenTransport } from '../../../platform/runtime/transport.js';
import type { Forward } from '../../../mcp/upstream/forward.js';
import type { CatalogEntry } from '../catalog-entry.js';
import type { ClientConfig, ConfiguredServer, ConfiguredTransport } from './client-config.js';
import { makeKnownServer } from './known-server.js';
import { isBehindGateway, reportConfig, type Reported } from './report-config.js';
import { scanServer, type Scanned, type ScanTarget } from './scan-server.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** `${NAME}` and `${env:NAME}` as the agent's own environment has them; what is not there stays as it is. */
const filledIn = (text: string, variables: Variables): string =>
  text.replaceAll(/\$\{(?:env:)?([A-Za-z_]\w*)\}/g, (whole, name: string) => variables[name] ?? whole);

const filledFields = (fields: Readonly<Record<string, string>>, variables: Variables): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, filledIn(value, variables)]));

/** A server's transport with its values; undefined for a URL that is none. */
const targetOf = (transport: ConfiguredTransport, variables: Variables): ScanTarget | undefined => {
  if (transport.type === 'stdio') {
    const args = transport.args.map((argument) => filledIn(argument, variables));
    const open: OpenTransport = { ...transport, args, env: filledFields(transport.env, variables) };
    return { transport: open };
  }
  const url = filledIn(transport.url, variables);
  return URL.canParse(url)
    ? { transport: { type: transport.type, url: new URL(url) }, headers: filledFields(transport.headers, variables) }
    : undefined;
};

/**
 * How servers are started: `forwardFor` makes the way to one, which may run its command and no other. Without it none
 * is started.
 */
export type Starting = Readonly<{ forwardFor: (transport: OpenTransport) => Forward; variables: Variables }>;

const startOne = async (
  { transport, isDisabled }: ConfiguredServer,
  starting: Starting | undefined,
): Promise<Scanned | undefined> => {
  const target = starting && targetOf(transport, starting.variables);
  if (starting === undefined || target === undefined || isDisabled) return undefined;
  return scanServer(starting.forwardFor(target.transport), target);
};

/** What to look at: the configuration, where gateways are, what the catalog knows, and whether servers are started. */
export type ConfigScan = Readonly<{
  config: ClientConfig;
  gateways: readonly string[];
  entries: readonly CatalogEntry[];
  starting?: Starting | undefined;
}>;

/** The report on an agent's configuration. Servers are started one after the other, and only where they may be. */
export const scanConfig = async ({ config, gateways, entries, starting }: ConfigScan): Promise<readonly string[]> => {
  const knownServer = makeKnownServer(entries);
  const reported: Reported[] = [];
  for (const server of config.servers) {
    const isBehind = isBehindGateway(server.transport, gateways);
    const scanned = isBehind ? undefined : await startOne(server, starting);
    reported.push({ server, looked: { known: knownServer(server.transport), scanned } });
  }
  return reportConfig(config, { reported, gateways });
};
