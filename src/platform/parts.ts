/** Injection tokens of the parts that are not classes; bound in app.module.ts. */
export const CONFIG = Symbol('config');
export const OUTBOUND = Symbol('outbound');
/** The installation's public URL, known once the server listens: `() => string`. */
export const PUBLIC_URL = Symbol('publicUrl');
