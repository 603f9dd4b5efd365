/** Injection tokens of the parts that are not classes; bound in app.module.ts. */
export const CONFIG = Symbol('config');
export const OUTBOUND = Symbol('outbound');
/** The way to MCP servers over every transport: `Forward` of upstream/. */
export const FORWARD = Symbol('forward');
/** Finds a session that a client has open at a server: `FindOpenSession` of mcp/upstream. */
export const FIND_OPEN_SESSION = Symbol('findOpenSession');
/** The installation's public URL, known once the server listens: `() => string`. */
export const PUBLIC_URL = Symbol('publicUrl');
