import type { IncomingMessage } from 'node:http';
import type { Database } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { authorityOf } from '../accounts/authority.js';
import { sessionCookie } from '../accounts/session-cookie.js';
import { findSessionHolder } from '../accounts/sessions.store.js';

/**
 * The member who is signed in in this browser. Clients lead members here from other sites, so the cookie counts
 * whatever page the request comes from: what it shows can't be framed, and what it changes wants a token of its own
 * page.
 */
export const findMember = async (
  db: Database,
  request: IncomingMessage,
  address: string,
): Promise<(Principal & Readonly<{ sessionId: string }>) | undefined> => {
  const token = sessionCookie(request.headers.cookie);
  const holder = token === undefined ? undefined : await findSessionHolder(db, token);
  if (holder?.sessionId === undefined) return undefined;
  return {
    ...holder,
    sessionId: holder.sessionId,
    authority: authorityOf(holder, ['member']),
    ...(address === '' ? {} : { sourceIp: address }),
  };
};
