import type { Category } from '../../../policy-engine/classify/classify.js';
import type { CatalogEntry, CatalogTool } from '../catalog-entry.js';
import type { ClientConfig, ConfiguredServer, ConfiguredTransport } from './client-config.js';
import type { Scanned } from './scan-server.js';
import { shownText, summaryOfTools } from './tool-table.js';

/** What is known of a server: from the catalog, or because it was started. */
export type Looked = Readonly<{ known?: CatalogEntry | undefined; scanned?: Scanned | undefined }>;

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'an address that is no URL');

const programOf = (command: string): string => command.split(/\s/)[0]?.split(/[\\/]/).at(-1) ?? '';

const isGatewayUrl = (text: string, gateways: readonly string[]): boolean => {
  if (!URL.canParse(text)) return false;
  const { origin, pathname } = new URL(text);
  return gateways.includes(origin) && pathname.startsWith('/mcp/');
};

/** Whether an agent reaches a server through Toolgate: itself, or by a program that is told its URL. */
export const isBehindGateway = (transport: ConfiguredTransport, gateways: readonly string[]): boolean =>
  transport.type === 'stdio'
    ? transport.args.some((argument) => isGatewayUrl(argument, gateways))
    : isGatewayUrl(transport.url, gateways);

const hidden = (names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [shownText(name), '…']));

const placeOf = (transport: ConfiguredTransport): string => {
  if (transport.type !== 'stdio') return `${hostOf(transport.url)} (${transport.type})`;
  const count = transport.args.length;
  return `the command ${shownText(programOf(transport.command))} with ${count} argument${count === 1 ? '' : 's'}`;
};

const secretsOf = (transport: ConfiguredTransport): string => {
  const [what, values] = transport.type === 'stdio' ? ['variables', transport.env] : ['headers', transport.headers];
  const names = Object.keys(values).map((name) => shownText(name));
  return names.length === 0 ? '' : `; it is given the ${what} ${names.join(', ')}`;
};

/** The registration of a server, with an ellipsis for each value. */
const registrationOf = ({ name, transport }: ConfiguredServer): object =>
  transport.type === 'stdio'
    ? {
        name: shownText(name),
        transport: {
          type: 'stdio',
          command: `/…/${shownText(programOf(transport.command))}`,
          args: transport.args.map(() => '…'),
          env: hidden(Object.keys(transport.env)),
        },
      }
    : {
        name: shownText(name),
        transport: { type: transport.type, url: `https://${hostOf(transport.url)}/…` },
        auth:
          Object.keys(transport.headers).length === 0
            ? { type: 'none' }
            : { type: 'headers', headers: hidden(Object.keys(transport.headers)) },
      };

const toolsOf = ({ known, scanned }: Looked): readonly CatalogTool[] | undefined =>
  scanned?.ok === true ? scanned.tools : known?.tools;

const FAILURES = {
  needs_sign_in: 'it wants a sign-in before it lists its tools',
  unreachable: 'it did not answer as an MCP server does; scan its command or URL alone to see why',
} as const;

const doesOf = (looked: Looked): string => {
  const { known, scanned } = looked;
  const name = known === undefined ? '' : `${known.name} in the catalog: `;
  const tools = toolsOf(looked);
  if (scanned?.ok === false) return `${name}${FAILURES[scanned.status]}`;
  if (tools !== undefined) return `${name}${summaryOfTools(tools)}`;
  return `${name}its tools are not known; --start asks it for them`;
};

const WORST: readonly Category[] = ['Destructive', 'Financial', 'Execute'];
const MAX_NAMED = 6;
const MIN_VALUE_LENGTH = 4;

const valuesOf = (transport: ConfiguredTransport): readonly string[] =>
  Object.values(transport.type === 'stdio' ? transport.env : transport.headers).filter(
    ({ length }) => length >= MIN_VALUE_LENGTH,
  );

/** The names of a tool that was asked for may repeat what its server was given. */
const withoutValues = (text: string, transport: ConfiguredTransport): string =>
  valuesOf(transport).reduce((shown, value) => shown.replaceAll(value, '…'), text);

const worstOf = (looked: Looked, transport: ConfiguredTransport): readonly string[] =>
  WORST.flatMap((category) => {
    const names = (toolsOf(looked) ?? [])
      .filter((tool) => tool.category === category)
      .map(({ name }) => shownText(withoutValues(name, transport)));
    const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
    return names.length === 0 ? [] : [`    ${category}: ${names.slice(0, MAX_NAMED).join(', ')}${more}`];
  });

const headingOf = ({ name, isDisabled, transport }: ConfiguredServer): string =>
  `${shownText(name)}${isDisabled ? ' (switched off)' : ''}: ${placeOf(transport)}${secretsOf(transport)}`;

const sectionOf = (server: ConfiguredServer, looked: Looked): readonly string[] => [
  headingOf(server),
  `    ${doesOf(looked)}`,
  ...worstOf(looked, server.transport),
  `    Register it: POST /v1/servers ${JSON.stringify(registrationOf(server))}`,
  ...(server.transport.type === 'stdio'
    ? [`    Whoever runs Toolgate lists the path of ${shownText(programOf(server.transport.command))} in ALLOW_STDIO.`]
    : []),
];

const LAST_STEPS = [
  'Then, for each server that you registered:',
  '    POST /v1/servers/{id}/policies/recommended {"posture":"balanced"} answers a policy; save it with',
  '    POST /v1/servers/{id}/policies {"name":"…","document":…}, issue a grant with POST /v1/grants, and put its',
  '    clientConfig in the place of the entry in this file.',
];

/** A member of the report: a server, and what is known of it. */
export type Reported = Readonly<{ server: ConfiguredServer; looked: Looked }>;

/**
 * What an agent reaches around the gateway, what it can do there, what that costs, and how to change it, line by line.
 * It names servers, programs, hosts, variables and headers, and shows no value of any.
 */
export const reportConfig = (
  { kind }: ClientConfig,
  { reported, gateways }: Readonly<{ reported: readonly Reported[]; gateways: readonly string[] }>,
): readonly string[] => {
  const around = reported.filter(({ server }) => !isBehindGateway(server.transport, gateways));
  const behind = reported.filter((one) => !around.includes(one)).map(({ server }) => shownText(server.name));
  const tokens = around.flatMap(({ looked }) => toolsOf(looked) ?? []).reduce((sum, tool) => sum + tool.tokens, 0);
  return [
    `${kind}: ${reported.length} servers, ${around.length} of them around the gateway`,
    ...(behind.length === 0 ? [] : [`Through the gateway: ${behind.join(', ')}`]),
    ...around.flatMap(({ server, looked }) => ['', ...sectionOf(server, looked)]),
    ...(around.length === 0
      ? []
      : ['', `Known definitions take about ${tokens} tokens of every context window.`, '', ...LAST_STEPS]),
  ];
};
