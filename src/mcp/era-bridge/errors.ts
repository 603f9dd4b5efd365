import { isObject, parseObject, type Json } from '../../platform/json/json-object.js';
import { editObject, membersOf, set } from '../wire/json-text.js';
import { JSON_RPC_CODES, LEGACY_CODES, MODERN_CODES, OWN_CODES, isSpecificationCode } from '../protocol/codes.js';

/** A JSON-RPC error response as JSON text. `id` is JSON text and goes in as it is. */
export const errorMessage = (id: string, code: number, message: string): string =>
  `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message })}}`;

/** The code of a JSON-RPC error object. */
export const codeOf = (error: string): number => Number(membersOf(error).get('code') ?? Number.NaN);

const dataOf = (error: string): Json => parseObject(membersOf(error).get('data') ?? '') ?? {};

const errorObject = (code: number, message: string): string => JSON.stringify({ code, message });

/**
 * A modern server's error for a legacy client. Errors about this hop (headers, capabilities, revisions) are replaced by
 * our own; a missing resource gets its legacy code.
 */
export const toLegacyError = (error: string, method: string): string => {
  switch (codeOf(error)) {
    case MODERN_CODES.headerMismatch:
      return errorObject(OWN_CODES.upstreamError, 'the MCP server did not accept the headers of its request');
    case MODERN_CODES.missingCapability: {
      const { requiredCapabilities } = dataOf(error);
      const names = isObject(requiredCapabilities)
        ? Object.keys(requiredCapabilities).filter((name) => /^\w{1,64}$/.test(name))
        : [];
      return errorObject(
        OWN_CODES.capabilityMissing,
        `the MCP server needs a capability that this client did not declare: ${names.join(', ')}`,
      );
    }
    case MODERN_CODES.unsupportedVersion:
      return errorObject(
        OWN_CODES.upstreamError,
        'the MCP server speaks no protocol revision that this gateway speaks',
      );
    case JSON_RPC_CODES.invalidParams:
      return method === 'resources/read' && typeof dataOf(error)['uri'] === 'string'
        ? editObject(error, { code: set(LEGACY_CODES.resourceNotFound) })
        : error;
    default:
      return error;
  }
};

/**
 * A legacy server's error for a modern client: a missing resource (`uri`) gets its modern code, and codes in the range
 * that 2026-07-28 reserves are replaced.
 */
export const toModernError = (error: string, uri: unknown): string => {
  const code = codeOf(error);
  if (code === LEGACY_CODES.resourceNotFound)
    return editObject(error, {
      code: set(JSON_RPC_CODES.invalidParams),
      data: (given) => given ?? (typeof uri === 'string' ? JSON.stringify({ uri }) : undefined),
    });
  return isSpecificationCode(code) ? editObject(error, { code: set(OWN_CODES.upstreamError) }) : error;
};
