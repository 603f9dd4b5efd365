/** Injection tokens of the parts that are not classes; bound in app.module.ts. */
export const CONFIG = Symbol('config');
export const OUTBOUND = Symbol('outbound');
/** The way to MCP servers over every transport: `Forward` of upstream/. */
export const FORWARD = Symbol('forward');
/** What discovery shares with clients: `FindOpenSession` and `KeepOnlySession` of mcp/upstream. */
export const OPEN_SESSIONS = Symbol('openSessions');
/** Tells an organization of an alarm: `TellAlarm` of platform/postgres/alarm. */
export const TELL_ALARM = Symbol('tellAlarm');
/** Takes an e-mail address out of who is notified of what: `ForgetAddress` of accounts/end. */
export const FORGET_ADDRESS = Symbol('forgetAddress');
/** The installation's public URL, known once the server listens: `() => string`. */
export const PUBLIC_URL = Symbol('publicUrl');
/** Where the console is served, as a path; undefined where it is not: `() => string | undefined`. */
export const CONSOLE_PATH = Symbol('consolePath');
