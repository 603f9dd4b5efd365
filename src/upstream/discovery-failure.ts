import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { OutboundRefused } from '../platform/outbound.js';

/** Why nothing was discovered. `detail` says what to do, and holds no secret, no query and nothing of what the server answered. */
export type DiscoveryFailure = Readonly<{ status: 'unreachable' | 'needs_sign_in'; detail: string }>;

/** A bound of ours was reached, or the answer was no MCP; the message is ready to be shown. */
export class DiscoveryStopped extends Error {}

const NOT_MCP = 'The server answered, but not as an MCP server speaks Streamable HTTP: check the path of the URL.';

const unreachable = (detail: string): DiscoveryFailure => ({ status: 'unreachable', detail });

const ofStatus = (status: number | undefined): DiscoveryFailure => {
  if (status === 401 || status === 403) return { status: 'needs_sign_in', detail: `The server answered HTTP ${status}: give it a valid credential in auth.headers.` };
  if (status === undefined || status < 300) return unreachable(NOT_MCP);
  if (status < 400) return unreachable(`The server redirects to another place (HTTP ${status}): register the URL it leads to.`);
  return unreachable(status === 404 || status === 405 ? `The server answered HTTP ${status}: check the path of the URL.` : `The server answered HTTP ${status}.`);
};

const byNetworkCode: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'The server refused the connection: check host and port, and that it runs.'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'The host name was not found.'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'The server closed the connection without an answer.'],
  [/TIMEDOUT|TIMEOUT/, 'The server could not be connected to in time.'],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/, 'The TLS certificate of the server is not valid or not trusted.'],
  [/SSL|TLS|EPROTO/, 'The server does not speak TLS as wanted: check http or https in the URL.'],
];

const ofNetwork = (cause: unknown): DiscoveryFailure => {
  if (cause instanceof OutboundRefused) return unreachable(`The URL may not be used: ${cause.message}.`);
  // The Fetch standard blocks ports of other protocols.
  if (cause instanceof Error && cause.message === 'bad port') return unreachable('The port belongs to another protocol and is not connected to: serve MCP on another port.');
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return unreachable(byNetworkCode.find(([pattern]) => pattern.test(code))?.[1] ?? 'The server could not be reached.');
};

const ofRpc = (error: McpError): DiscoveryFailure =>
  error.code === ErrorCode.RequestTimeout ? unreachable('The server gave no answer in time.') : unreachable(`The server answered with the JSON-RPC error ${error.code}.`);

/** What went wrong, in words that may be shown. Texts of the upstream stay out of it: they may repeat a credential. */
export const discoveryFailure = (error: unknown): DiscoveryFailure => {
  if (error instanceof DiscoveryStopped) return unreachable(error.message);
  if (error instanceof StreamableHTTPError) return ofStatus(error.code);
  if (error instanceof McpError) return ofRpc(error);
  if (error instanceof OutboundRefused) return ofNetwork(error);
  if (error instanceof TypeError && error.cause !== undefined) return ofNetwork(error.cause);
  if (error instanceof Error && error.message.includes('protocol version is not supported')) return unreachable('The server speaks a revision of MCP that is not supported.');
  return unreachable(NOT_MCP);
};
