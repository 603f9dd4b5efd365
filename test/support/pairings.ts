import {
  Client as ModernSdkClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacySdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitRequestSchema,
  ErrorCode,
  McpError,
  ResourceUpdatedNotificationSchema,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { inputRequired, ProtocolError, type CallToolResult } from '@modelcontextprotocol/server';
import { expect, vi } from 'vitest';
import type { Era } from '../../src/mcp/protocol/era.js';
import { startModernUpstream } from './modern-upstream.js';
import type { Tenant } from './tenant.js';
import { aTool, startUpstream } from './upstream.js';

/** What the tools of both servers do, told in one way. */
type Work = Readonly<{
  progress: (value: number) => Promise<void>;
  ask: (message: string) => Promise<unknown>;
  aborted: Promise<void>;
  fail: () => never;
}>;

const says = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });
const never = new Promise<never>(() => undefined);

/** What the servers of a pairing saw. */
export type Witness = { started: string[]; aborted: string[]; finished: string[] };

const work = async (
  name: string,
  args: Record<string, unknown>,
  io: Work,
  witness: Witness,
): Promise<CallToolResult> => {
  witness.started.push(name);
  switch (name) {
    case 'progress':
      for (const value of [1, 2, 3]) await io.progress(value);
      return says(`progressed ${String(args['who'])}`);
    case 'slow':
      await io.aborted;
      witness.aborted.push(name);
      return says('aborted');
    case 'left':
      await new Promise((resolve) => setTimeout(resolve, 300));
      witness.finished.push(name);
      return says('nobody is there');
    case 'brief':
      return says('brief');
    case 'ask':
      return says(JSON.stringify(await io.ask('Who?')));
    case 'fails':
      return { ...says('it failed'), isError: true };
    case 'throws':
      return io.fail();
    case 'large':
      return says('x'.repeat(6 * 2 ** 20));
    case 'hangs':
      return never;
    default:
      return says(JSON.stringify({ name, args }));
  }
};

export const TOOLS = [
  'echo',
  'progress',
  'slow',
  'brief',
  'left',
  'ask',
  'fails',
  'throws',
  'large',
  'hangs',
  'hidden',
];
const form = (message: string) => ({
  mode: 'form' as const,
  message,
  requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } } },
});

/**
 * A server of one era; `changed` says that its tools, and the resource `mem:a`, changed; `drop` closes its connections.
 */
export type PairedServer = Readonly<{
  url: string;
  witness: Witness;
  changed: () => Promise<void>;
  heard: () => boolean;
  drop: () => void;
  close: () => Promise<void>;
}>;

const legacyServer = async (): Promise<PairedServer> => {
  const witness: Witness = { started: [], aborted: [], finished: [] };
  const upstream = await startUpstream({
    tools: TOOLS.map((name) => aTool(name)),
    offers: { resources: ['mem:a'], templates: [], prompts: [] },
    call: ({ name, arguments: args = {} }, { signal, _meta, sendNotification, sendRequest }) =>
      work(
        name,
        args,
        {
          progress: async (progress) => {
            const progressToken = _meta?.progressToken;
            if (progressToken !== undefined)
              await sendNotification({
                method: 'notifications/progress',
                params: { progressToken, progress, total: 3 },
              });
          },
          ask: (message) =>
            sendRequest({ method: 'elicitation/create', params: form(message) } as never, ResultSchema as never),
          aborted: new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
          fail: () => {
            throw new McpError(ErrorCode.InvalidParams, 'thrown');
          },
        },
        witness,
      ) as Promise<never>,
  });
  return {
    url: upstream.url,
    witness,
    changed: async () => {
      await upstream.announceTools();
      for (const server of upstream.servers()) await server.sendResourceUpdated({ uri: 'mem:a' });
    },
    heard: () =>
      upstream.seenOf('resources/subscribe').length > 0 && upstream.seen.some(({ httpMethod }) => httpMethod === 'GET'),
    drop: () => upstream.drop(),
    close: upstream.close,
  };
};

/** Thrown where a tool asks what was not answered yet. */
class InputNeeded extends Error {}

const modernServer = async (): Promise<PairedServer> => {
  const witness: Witness = { started: [], aborted: [], finished: [] };
  const upstream = await startModernUpstream({
    tools: TOOLS.map((name) => aTool(name)),
    resources: { 'mem:a': 'A' },
    call: async ({ name, arguments: args = {} }, { mcpReq }) => {
      const io: Work = {
        progress: async (progress) => {
          const progressToken = mcpReq._meta?.['progressToken'] as string | number | undefined;
          if (progressToken !== undefined)
            await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } });
        },
        ask: async () => {
          const answer = mcpReq.inputResponses?.['who'];
          if (answer === undefined) throw new InputNeeded();
          return answer;
        },
        aborted: new Promise((resolve) => mcpReq.signal.addEventListener('abort', () => resolve())),
        fail: () => {
          throw new ProtocolError(ErrorCode.InvalidParams, 'thrown');
        },
      };
      try {
        return await work(name, args, io, witness);
      } catch (error) {
        if (error instanceof InputNeeded)
          return inputRequired({
            inputRequests: { who: { method: 'elicitation/create', params: form('Who?') } } as never,
            requestState: 'a state',
          });
        throw error;
      }
    },
  });
  return {
    url: upstream.url,
    witness,
    changed: async () => {
      upstream.notify.toolsChanged();
      upstream.notify.resourceUpdated('mem:a');
    },
    heard: () =>
      upstream.seen.some(({ message }) =>
        JSON.stringify(message?.['params'] ?? {}).includes('"resourceSubscriptions":["mem:a"]'),
      ),
    drop: () => upstream.drop(),
    close: upstream.close,
  };
};

export const servers: Readonly<Record<Era, () => Promise<PairedServer>>> = {
  legacy: legacyServer,
  modern: modernServer,
};

type CallOptions = Readonly<{ signal?: AbortSignal; onprogress?: (progress: number) => void }>;

/** A real SDK client of one era behind its API of that era. */
export type PairedClient = Readonly<{
  tools: () => Promise<readonly string[]>;
  call: (name: string, args?: Record<string, unknown>, options?: CallOptions) => Promise<CallToolResult>;
  /** Hears of changed tools, and of the resource `mem:a` if that is named, from when this resolves. */
  subscribe: (heard: (what: string) => void, uri?: 'mem:a') => Promise<void>;
  onElicit: (answer: (message: string) => object) => void;
  close: () => Promise<void>;
}>;

type Grant = Readonly<{ mcpUrl: string; token: string }>;
const CAPABILITIES = { elicitation: { form: {} } };
const progressOf = ({ onprogress, signal }: CallOptions) => ({
  ...(signal ? { signal } : {}),
  ...(onprogress ? { onprogress: ({ progress }: { progress: number }) => onprogress(progress) } : {}),
});

const legacyClient = async ({ mcpUrl, token }: Grant): Promise<PairedClient> => {
  const client = new LegacySdkClient({ name: 'legacy-client', version: '1' }, { capabilities: CAPABILITIES });
  await client.connect(
    new LegacyTransport(new URL(mcpUrl), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, options = {}) =>
      (await client.callTool({ name, arguments: args }, undefined, progressOf(options))) as CallToolResult,
    subscribe: async (heard, uri) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => heard('tools'));
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => heard(params.uri));
      if (uri !== undefined) await client.subscribeResource({ uri });
    },
    onElicit: (answer) =>
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message) as never),
    close: () => client.close(),
  };
};

const modernClient = async ({ mcpUrl, token }: Grant): Promise<PairedClient> => {
  const client = new ModernSdkClient(
    { name: 'modern-client', version: '1' },
    { capabilities: CAPABILITIES, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(
    new ModernTransport(new URL(mcpUrl), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, options = {}) =>
      (await client.callTool({ name, arguments: args }, progressOf(options))) as CallToolResult,
    subscribe: async (heard, uri) => {
      client.setNotificationHandler('notifications/tools/list_changed', () => heard('tools'));
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => heard(params.uri));
      await client.listen({ toolsListChanged: true, ...(uri === undefined ? {} : { resourceSubscriptions: [uri] }) });
    },
    onElicit: (answer) =>
      client.setRequestHandler('elicitation/create', ({ params }) => answer(params.message) as never),
    close: () => client.close(),
  };
};

export const clients: Readonly<Record<Era, (grant: Grant) => Promise<PairedClient>>> = {
  legacy: legacyClient,
  modern: modernClient,
};

/** How the one call of this tool ended; outcomes are recorded after the client has its answer. */
export const outcomeOf = (tenant: Tenant, { id }: Readonly<{ id: string }>, tool: string): Promise<unknown> =>
  vi.waitFor(
    async () => {
      const [event] = await tenant.events(`&type=toolCall.completed&grantId=${id}&tool=${tool}`);
      expect(event).toBeDefined();
      return event?.['status'];
    },
    { timeout: 5000 },
  );
