import { readJson } from '../policies/text/json-tree.js';

/** What a call through the gateway came to: the decision, where it was refused or held, and the result. */
export type CallAnswer = Readonly<{
  isError: boolean;
  decision: Readonly<Record<string, unknown>> | undefined;
  result: unknown;
  /** How long the caller waited, in milliseconds. */
  tookMs: number;
}>;

type Access = Readonly<{ mcpUrl: string; token: string; memberName: string; signal?: AbortSignal }>;

const PROTOCOL_VERSION = '2025-06-18';
const DECISION = 'io.toolgate/decision';

type Message = Readonly<{ id?: unknown; result?: unknown; error?: Readonly<{ code: number; message: string }> }>;

/**
 * One session of the playground: an ordinary MCP client that calls one tool through the gateway. Its name says which
 * member plays, so that every event of the call does. @throws Error where the gateway refuses the session
 */
export async function callTool(access: Access, tool: string, callArguments: unknown): Promise<CallAnswer> {
  const session = await begin(access);
  try {
    const began = performance.now();
    const params = { name: tool, arguments: callArguments };
    const { result, error } = await ask(access, session, { id: 1, method: 'tools/call', params });
    const tookMs = performance.now() - began;
    if (error) return { isError: true, decision: undefined, result: error, tookMs };
    const { isError = false, _meta: meta } = (result ?? {}) as { isError?: boolean; _meta?: Record<string, unknown> };
    return { isError, decision: meta?.[DECISION] as CallAnswer['decision'], result, tookMs };
  } finally {
    await end(access, session);
  }
}

const headersOf = ({ token }: Access, session: string | undefined): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  ...(session !== undefined && { 'mcp-session-id': session, 'mcp-protocol-version': PROTOCOL_VERSION }),
});

const post = (access: Access, session: string | undefined, body: object): Promise<Response> =>
  fetch(access.mcpUrl, {
    method: 'POST',
    headers: headersOf(access, session),
    body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    credentials: 'omit',
    ...(access.signal && { signal: access.signal }),
  });

async function begin(access: Access): Promise<string | undefined> {
  const clientInfo = { name: `toolgate-playground (${access.memberName})`, version: '1' };
  const response = await post(access, undefined, {
    id: 0,
    method: 'initialize',
    params: { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo },
  });
  const { error } = await messageOf(response, 0);
  if (error) throw new Error(error.message);
  const session = response.headers.get('mcp-session-id') ?? undefined;
  const initialized = await post(access, session, { method: 'notifications/initialized' });
  await initialized.text();
  return session;
}

async function ask(
  access: Access,
  session: string | undefined,
  request: Readonly<{ id: number; method: string; params: object }>,
): Promise<Message> {
  return messageOf(await post(access, session, request), request.id);
}

/** The response to a request: the body, or the event of the stream that has its id. */
async function messageOf(response: Response, id: number): Promise<Message> {
  const text = await response.text();
  if (!response.ok && !text.startsWith('{')) throw new Error(`The gateway answered ${response.status}.`);
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const bodies = isStream ? eventsOf(text) : [text];
  const messages = bodies.map(messageFrom);
  const found = messages.find((message) => message.id === id) ?? messages.find(({ error }) => error !== undefined);
  if (found === undefined) throw new Error(`The gateway answered ${response.status} without a result.`);
  return found;
}

const messageFrom = (body: string): Message => {
  const read = readJson(body);
  if (!read.ok) throw new Error('The answer of the gateway can not be read.');
  return read.value as unknown as Message;
};

const eventsOf = (text: string): readonly string[] =>
  text
    .split(/\r?\n\r?\n/)
    .map((event) =>
      event
        .split(/\r?\n/)
        .flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length).trimStart()] : []))
        .join('\n'),
    )
    .filter((data) => data !== '');

async function end(access: Access, session: string | undefined): Promise<void> {
  if (session === undefined) return;
  await fetch(access.mcpUrl, { method: 'DELETE', headers: headersOf(access, session), credentials: 'omit' }).catch(
    () => undefined,
  );
}
