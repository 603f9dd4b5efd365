import { headerValue, META, mirroredName } from '../../src/mcp/protocol/modern.js';

type Json = Record<string, unknown>;

export type ModernAnswer = Readonly<{ status: number; headers: Headers; body: Json; text: string }>;

/** A request of 2026-07-28 with the headers that it must have; `headers` of null are left out. */
export const modernRequest = (
  method: string,
  params: Json = {},
  more: Readonly<{ id?: string | number; meta?: Json; headers?: Readonly<Record<string, string | null>> }> = {},
) => {
  const _meta = {
    [META.protocolVersion]: '2026-07-28',
    [META.clientInfo]: { name: 'bare', version: '1' },
    [META.clientCapabilities]: {},
    ...more.meta,
  };
  const name = mirroredName(method, params);
  const headers: Record<string, string | null> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(name === undefined ? {} : { 'mcp-name': headerValue(name) }),
    ...more.headers,
  };
  const sent = Object.fromEntries(Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== null));
  return {
    headers: sent,
    body: JSON.stringify({ jsonrpc: '2.0', id: more.id ?? 1, method, params: { ...params, _meta } }),
  };
};

export type ModernClient = Readonly<{
  open: (
    method: string,
    params?: Json,
    more?: Parameters<typeof modernRequest>[2],
    signal?: AbortSignal,
  ) => Promise<Response>;
  ask: (method: string, params?: Json, more?: Parameters<typeof modernRequest>[2]) => Promise<ModernAnswer>;
}>;

/** The response in a body that is JSON or an event stream. */
const responseIn = (text: string, headers: Headers): Json => {
  if (!headers.get('content-type')?.includes('event-stream')) return text === '' ? {} : (JSON.parse(text) as Json);
  const messages = text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice('data:'.length)) as Json);
  return messages.find((message) => !('method' in message)) ?? {};
};

/** A bare client of 2026-07-28: for what SDK clients don't send. */
export const modernClient = (grant: Readonly<{ mcpUrl: string; token: string }>): ModernClient => {
  const open: ModernClient['open'] = (method, params, more, signal) => {
    const { headers, body } = modernRequest(method, params, more);
    return fetch(grant.mcpUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${grant.token}`, ...headers },
      body,
      ...(signal ? { signal } : {}),
    });
  };
  return {
    open,
    ask: async (method, params, more) => {
      const response = await open(method, params, more);
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: responseIn(text, response.headers), text };
    },
  };
};
