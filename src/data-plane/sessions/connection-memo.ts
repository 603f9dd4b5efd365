import type { IncomingMessage } from 'node:http';
import type { Directory } from '../directory/directory.js';
import type { Authenticated } from '../directory/facts.js';
import type { OpenSession, SessionContent } from './sealed-session.js';

type LastRequest = {
  authorization: string;
  grantId: string;
  tokenHash: Buffer;
  sealed: string;
  session: SessionContent | undefined;
};

/** The token of an `Authorization` header (RFC 6750, section 2.1); undefined when it carries none. */
export const bearerTokenOf = (authorization: string): string | undefined =>
  /^Bearer +([\w-]{1,200})$/i.exec(authorization)?.[1];

/**
 * Remembers the token and session id of the last valid request on each connection. Clients repeat both with each
 * request, and comparing the texts costs a tenth of hashing the token and looking up the session. Grant and session are
 * still checked each time. A token is kept no longer than its connection.
 */
export class ConnectionMemo {
  readonly #directory: Directory;
  readonly #openSession: OpenSession;
  readonly #lastRequests = new WeakMap<object, LastRequest>();

  constructor(directory: Directory, openSession: OpenSession) {
    this.#directory = directory;
    this.#openSession = openSession;
  }

  /** The facts of the request's grant token, as `Directory.authenticate`. */
  authenticate({ socket, headers: { authorization = '' } }: IncomingMessage, nowMs: number): Authenticated | undefined {
    const seen = this.#lastRequests.get(socket);
    if (seen?.authorization === authorization) return this.#directory.lookUp(seen.grantId, seen.tokenHash, nowMs);
    const token = bearerTokenOf(authorization);
    const who = token === undefined ? undefined : this.#directory.authenticate(token, nowMs);
    if (who)
      this.#lastRequests.set(socket, {
        authorization,
        grantId: who.grant.id,
        tokenHash: who.tokenHash,
        sealed: '',
        session: undefined,
      });
    return who;
  }

  /** Forgets a connection that will carry no further request for long. */
  forget({ socket }: IncomingMessage): void {
    this.#lastRequests.delete(socket);
  }

  /** The content of a sealed session id that came on this connection, as `OpenSession`. */
  session({ socket }: IncomingMessage, sealed: string, nowMs: number): SessionContent | undefined {
    const seen = this.#lastRequests.get(socket);
    if (seen?.session && seen.sealed === sealed) return seen.session.expiresAt > nowMs ? seen.session : undefined;
    const session = this.#openSession(sealed, nowMs);
    if (seen && session) {
      seen.sealed = sealed;
      seen.session = session;
    }
    return session;
  }
}
