import { ProcessEnded } from './process-ended.js';
import { OutboundRefused } from '../../platform/outbound/outbound.js';
import { errorOf, type UpstreamAnswer } from './ask.js';
import type { UpstreamFailure, UpstreamHeaders } from './forward.js';
import { whyNotSpoken } from '../protocol/unreadable.js';
import { redirectTarget } from './redirect.js';
import { MODERN_CODES } from '../protocol/codes.js';

/**
 * Why nothing was discovered. `detail` says what to do, and holds no secret, no query and nothing of what the server
 * answered.
 */
export type DiscoveryFailure = Readonly<{
  status: 'unreachable' | 'needs_sign_in';
  detail: string;
  /** The server was reached, and has not answered within the time of the discovery. */
  timedOut?: true;
}>;

/** A bound of ours was reached, or the answer was no MCP; the message is ready to be shown. */
export class DiscoveryStopped extends Error {}

/** The server has not answered within the time of the discovery. */
export class DiscoveryTimedOut extends DiscoveryStopped {}

/** A request in the middle of a discovery had no usable answer. */
export class DiscoveryFailed extends Error {
  readonly failure: DiscoveryFailure;
  constructor(failure: DiscoveryFailure) {
    super(failure.detail);
    this.failure = failure;
  }
}

const NOT_MCP = 'The server answered, but not as an MCP server speaks Streamable HTTP: check the path of the URL.';
const notMcp = (reason: string): string =>
  `The server answered ${reason}, not as an MCP server does: check the path of the URL.`;

const unreachable = (detail: string): DiscoveryFailure => ({ status: 'unreachable', detail });

const ofStatus = (status: number, headers: UpstreamHeaders, from: URL | undefined): DiscoveryFailure => {
  if (status === 401 || status === 403)
    return {
      status: 'needs_sign_in',
      detail: `The server answered HTTP ${status}: give it a valid credential in auth.headers.`,
    };
  if (status < 400) {
    const target = redirectTarget(headers, from);
    return unreachable(
      target === undefined
        ? `The server redirects to another place (HTTP ${status}) that is no URL.`
        : `The server redirects to ${target} (HTTP ${status}): register that URL if you trust it.`,
    );
  }
  return unreachable(
    status === 404 || status === 405
      ? `The server answered HTTP ${status}: check the path of the URL.`
      : `The server answered HTTP ${status}.`,
  );
};

const byNetworkCode: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'The server refused the connection: check host and port, and that it runs.'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'The host name was not found.'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'The server closed the connection without an answer.'],
  [/TIMEDOUT|TIMEOUT/, 'The server could not be connected to in time.'],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/, 'The TLS certificate of the server is not valid or not trusted.'],
  [/SSL|TLS|EPROTO/, 'The server does not speak TLS as wanted: check http or https in the URL.'],
];

/** What a channel tells, that has no network error to tell. */
const byKind = {
  unreachable: 'The server could not be started or reached: check its transport, and that the command exists.',
  timeout: 'The server gave no answer in time.',
  broken: 'The server ended the connection before it answered: check its command, arguments, environment or path.',
  aborted: 'The request was ended.',
} as const satisfies Record<UpstreamFailure['kind'], string>;

const asSentence = (reason: string): string => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;

const ofNetwork = ({ kind, cause, reason }: UpstreamFailure): DiscoveryFailure => {
  if (reason !== undefined) return unreachable(asSentence(reason));
  if (cause === undefined) return unreachable(byKind[kind]);
  if (cause instanceof ProcessEnded) return unreachable(cause.detail);
  if (cause instanceof OutboundRefused) return unreachable(`The URL may not be used: ${cause.message}.`);
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return unreachable(byNetworkCode.find(([pattern]) => pattern.test(code))?.[1] ?? 'The server could not be reached.');
};

export const UNSUPPORTED_REVISION: DiscoveryFailure = unreachable(
  'The server speaks a revision of MCP that is not supported.',
);

/** Whether a server refused the revision that it was asked in, as only a modern server does. */
export const isUnsupportedRevision = (answer: UpstreamAnswer): boolean =>
  errorOf(answer)?.code === MODERN_CODES.unsupportedVersion;

/**
 * What an answer says that is not what was asked for. Texts of the upstream stay out of it: they may repeat a
 * credential.
 */
export const failureOf = (answer: UpstreamAnswer, from?: URL): DiscoveryFailure => {
  if (answer.kind === 'failed')
    return answer.failure.kind === 'too_large' ? unreachable(NOT_MCP) : ofNetwork(answer.failure);
  if (answer.status >= 300) return ofStatus(answer.status, answer.headers, from);
  if (answer.kind === 'other') return unreachable(notMcp(answer.reason));
  if (answer.response.kind === 'error')
    return unreachable(`The server answered with the JSON-RPC error ${answer.response.code ?? 'without a code'}.`);
  const why = whyNotSpoken(answer.response.result['protocolVersion']);
  return why === undefined ? UNSUPPORTED_REVISION : unreachable(`The server can't be used: ${why}.`);
};

/** What went wrong, in words that may be shown. */
export const discoveryFailure = (error: unknown): DiscoveryFailure => {
  if (error instanceof DiscoveryTimedOut) return { ...unreachable(error.message), timedOut: true };
  if (error instanceof DiscoveryStopped) return unreachable(error.message);
  return error instanceof DiscoveryFailed ? error.failure : unreachable(NOT_MCP);
};
