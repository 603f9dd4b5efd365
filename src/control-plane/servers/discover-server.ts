import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Transport } from '../../record/event-log/events/index.js';
import { newId } from '../../platform/crypto/ids.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { Problem, urlProblem } from '../../platform/runtime/problems.js';
import { hasHiddenParts, openArguments, openUrl, openTransport } from '../../platform/crypto/hidden-parts.js';
import { isAllowedVariable } from '../../platform/settings/stdio-variables.js';
import { findUncheckable, someOf } from '../../policy-engine/uncheckable.js';
import {
  discover,
  discoverInSession,
  type Discovered,
  type KnownServer,
  type UpstreamTarget,
} from '../../mcp/upstream/discover.js';
import type { Forward } from '../../mcp/upstream/forward.js';
import type { FindOpenSession, Handshake, KeepOnlySession } from '../../mcp/upstream/probe.js';
import type { SecretValues } from './upstream-headers.js';

/**
 * The ways to servers; `allowStdio` are the commands that may be run, `stdioVariables` what their environments may set.
 */
export type DiscoveryDeps = Readonly<{
  outbound: Outbound;
  forward: Forward;
  findOpenSession: FindOpenSession;
  keepOnlySession: KeepOnlySession;
  allowStdio: readonly string[];
  stdioVariables: readonly string[];
}>;

const HIDDEN_MESSAGE = 'give the hidden values again: they are kept encrypted and shown as ***';
const hiddenValue = (member: 'url' | 'args'): Problem =>
  new Problem('invalid_body', 'Send the whole transport.', {
    errors: [{ pointer: `/transport/${member}`, code: 'invalid', message: HIDDEN_MESSAGE }],
  });

/** The command that may be run: itself, or by its bare name the only one of that name that ALLOW_STDIO lists. */
const guardCommand = (command: string, { allowStdio }: DiscoveryDeps): string => {
  if (allowStdio.includes(command)) return command;
  const [only, ...others] = allowStdio.filter((path) => basename(path) === command);
  if (only !== undefined && others.length === 0) return only;
  const message = 'ALLOW_STDIO does not list this command: whoever runs Toolgate must add its absolute path';
  throw new Problem('command_not_allowed', `The command may not be run: ${message}.`, {
    errors: [{ pointer: '/transport/command', code: 'command_not_allowed', message }],
  });
};

const guardVariables = (names: readonly string[], { stdioVariables }: DiscoveryDeps): void => {
  const message = 'STDIO_ENV does not list this variable: whoever runs Toolgate must add its name';
  const errors = names
    .filter((name) => !isAllowedVariable(stdioVariables, name))
    .map((name) => ({ pointer: `/transport/env/${name}`, code: 'variable_not_allowed', message }));
  if (errors.length > 0)
    throw new Problem('command_not_allowed', `The command may not be run with this environment: ${message}.`, {
      errors,
    });
};

/**
 * The transport as it is kept: its command is listed in ALLOW_STDIO and its variables in STDIO_ENV, or its URL and
 * every address of its name passed the guard. A name that is not found yet passes: the server is then unreachable.
 * @throws Problem `command_not_allowed`, `url_not_allowed`, or `invalid_body` for no URL at all.
 */
export const guardTransport = async (ways: DiscoveryDeps, transport: Transport): Promise<Transport> => {
  if (transport.type === 'stdio') {
    const command = guardCommand(transport.command, ways);
    guardVariables(transport.envNames, ways);
    if (hasHiddenParts(transport)) throw hiddenValue('args');
    return { ...transport, command };
  }
  const checked = ways.outbound.check(transport.url);
  if (!checked.ok) throw urlProblem('/transport/url', checked);
  if (hasHiddenParts({ type: transport.type, url: checked.url.href })) throw hiddenValue('url');
  const resolved = await ways.outbound.resolve(checked.url);
  if (!resolved.ok && resolved.code !== 'name_not_resolved') throw urlProblem('/transport/url', resolved);
  return { type: transport.type, url: checked.url.href };
};

/**
 * A transport as it is reached, of one that is kept. What was sent back as it was shown, to whomever, means what is
 * kept.
 */
export const openSentTransport = (
  sent: Transport,
  { transport, secrets }: Readonly<{ transport: Transport; secrets: SecretValues }>,
): Transport => {
  if (sent.type === 'stdio') {
    if (transport.type !== 'stdio' || sent.command !== transport.command) return sent;
    const { args } = openArguments(transport.args, secrets);
    return {
      ...sent,
      args: sent.args.map((argument, at) => (argument === transport.args[at] ? (args[at] ?? argument) : argument)),
    };
  }
  const isShown = [transport, openTransport(transport, secrets)].some((shown) => isDeepStrictEqual(sent, shown));
  return isShown ? { type: sent.type, url: openUrl(sent.url, secrets).url.href } : sent;
};

/** A server as one organization reaches it; `known` is what the last discovery over this transport found. */
export type DiscoveryTarget = Readonly<{
  organizationId: string;
  serverId: string;
  transport: Transport;
  secrets: SecretValues;
  known?: KnownServer | undefined;
}>;

/** How long a command may take to answer for the first time: npx and uvx download what they run. */
export const STDIO_START_TIMEOUT_MS = 300_000;

/** The `statusDetail` of a command that has not answered yet; it is discovered again, with the time that it needs. */
export const STILL_STARTING =
  'The server is still starting: its command has not answered yet. Toolgate waits for it in the ' +
  'background, for up to ' +
  `${STDIO_START_TIMEOUT_MS / 60_000} minutes.`;

const upstreamTargetOf = (
  { forward }: DiscoveryDeps,
  { organizationId, serverId: id, transport, secrets }: DiscoveryTarget,
): UpstreamTarget => {
  // A grant of its own: nothing that this opens is used for a client.
  const grantId = newId('srv');
  const server = { id, organizationId, eras: [] };
  if (transport.type === 'stdio') {
    const { args, env } = openArguments(transport.args, secrets);
    return { forward, server: { ...server, transport: { ...transport, args, env } }, credential: {}, grantId };
  }
  const { url, headers } = openUrl(transport.url, secrets);
  return { forward, server: { ...server, transport: { type: transport.type, url } }, credential: headers, grantId };
};

/** Uses a session that a client has open at the server, which may have no place for another. */
const discoverWithClient = async (
  { findOpenSession }: DiscoveryDeps,
  { server }: UpstreamTarget,
  { known }: DiscoveryTarget,
): Promise<Discovered | undefined> => {
  const open = known && findOpenSession(server);
  return open && discoverInSession(open, known);
};

/**
 * Asks a server what it offers, within `timeoutMs` (15 s without it). What the discovery collects and opens counts for
 * its organization. `isRetried`: a command that does not answer in time is discovered again, so that it is not said to
 * be unreachable yet.
 */
export const discoverServer = async (
  deps: DiscoveryDeps,
  target: DiscoveryTarget,
  { timeoutMs, isRetried = false }: Readonly<{ timeoutMs?: number; isRetried?: boolean }> = {},
): Promise<Discovered> => {
  const own = upstreamTargetOf(deps, target);
  // Only the first discovery finds out, by a second session, whether the server has one for all.
  const keep = target.known ? undefined : (one: Handshake): boolean => deps.keepOnlySession(own.server, one);
  const found = (await discoverWithClient(deps, own, target)) ?? (await discover(own, timeoutMs, keep));
  if (found.status !== 'ready') {
    return isRetried && found.timedOut === true && target.transport.type === 'stdio'
      ? { ...found, detail: STILL_STARTING }
      : found;
  }
  const tools = found.tools.map(({ name, definition }) => ({ name, inputSchema: definition['inputSchema'] }));
  const uncheckable = await findUncheckable(tools, target.organizationId);
  if (uncheckable.length === 0) return found;
  const remark = `check_arguments can't check the input schema of ${someOf(uncheckable)}.`;
  return { ...found, detail: found.detail === null ? remark : `${found.detail} ${remark}` };
};

/** Whether two transports lead to the same scheme, host and port. */
export const sameOrigin = (one: Transport, other: Transport): boolean =>
  one.type !== 'stdio' && other.type !== 'stdio' && new URL(one.url).origin === new URL(other.url).origin;
