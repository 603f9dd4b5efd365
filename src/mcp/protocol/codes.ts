/** Error codes of JSON-RPC 2.0 (section 5.1). */
export const JSON_RPC_CODES = {
  parseError: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  internalError: -32_603,
} as const;

/** Error codes that 2026-07-28 defines ("Error Codes"). */
export const MODERN_CODES = {
  headerMismatch: -32_020,
  missingCapability: -32_021,
  unsupportedVersion: -32_022,
} as const;

/** Error codes that only revisions up to 2025-11-25 define. */
export const LEGACY_CODES = {
  resourceNotFound: -32_002,
  urlElicitationRequired: -32_042,
} as const;

/** Our own error codes, outside the range that JSON-RPC and MCP reserve (-32768…-32000). */
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

const modernCodes: ReadonlySet<unknown> = new Set(Object.values(MODERN_CODES));

/** Whether only a modern server answers with this error code. */
export const isModernCode = (code: unknown): boolean => modernCodes.has(code);

/** Whether 2026-07-28 leaves this error code to implementations and older servers (-32019…-32000). */
export const isImplementationCode = (code: number): boolean => code <= -32_000 && code > -32_020;

/** Whether 2026-07-28 reserves this error code for the specification (-32099…-32020). */
export const isSpecificationCode = (code: number): boolean => code <= -32_020 && code >= -32_099;
