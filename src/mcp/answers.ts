import type { ServerResponse } from 'node:http';

/** Our own JSON-RPC error codes, outside the range that JSON-RPC and MCP reserve (-32768…-32000). */
export const OWN_CODES = {
  unauthorized: -33_001,
  forbidden: -33_003,
  denied: -33_004,
  unavailable: -33_005,
  upstreamUnreachable: -33_101,
  upstreamTimeout: -33_102,
  upstreamError: -33_103,
  capabilityMissing: -33_104,
  inputMissing: -33_105,
} as const;

export type RequestId = string | number | null;

/** Sends JSON with a known length in one write; nothing when the client is gone. */
export const sendJson = (response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void => {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
  response.end(bytes);
};

export const jsonRpcError = (id: RequestId, code: number, message: string) => ({ jsonrpc: '2.0', id, error: { code, message } }) as const;

export const jsonRpcResult = (id: RequestId, result: unknown) => ({ jsonrpc: '2.0', id, result }) as const;

/** A refusal on the level of HTTP, with a JSON-RPC error for clients that read bodies. */
export const refuseHttp = (response: ServerResponse, status: number, error: Readonly<{ code: number; message: string; headers?: Readonly<Record<string, string>> }>): void =>
  sendJson(response, status, jsonRpcError(null, error.code, error.message), error.headers);
