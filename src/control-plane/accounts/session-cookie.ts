export const SESSION_COOKIE = 'toolgate_session';

/** How the session cookie is set: out of reach of scripts, for this site, over TLS when the installation is. */
export const sessionCookieOptions = (publicUrl: string) =>
  ({ httpOnly: true, sameSite: 'lax', path: '/', secure: publicUrl.startsWith('https:') }) as const;

/** The session token of a `Cookie` header (RFC 6265, 4.2), or undefined. */
export const sessionCookie = (header: string | undefined): string | undefined =>
  header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    ?.slice(SESSION_COOKIE.length + 1);
