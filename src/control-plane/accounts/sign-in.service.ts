import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import type { Verified } from './members.js';
import { Problem } from '../../platform/runtime/problems.js';
import { loadSecondFactor, useCode } from './totp.store.js';
import { Vault } from '../../platform/crypto/vault.js';
import { Database } from '../../platform/postgres/database.js';
import { canonicalEmail } from '../../platform/rest/email.js';
import { PUBLIC_URL } from '../../platform/runtime/parts.js';
import { findApiKeyHolder } from './api-keys.store.js';
import type { Holder } from './authority.js';
import { FailedSignInsService } from './failed-sign-ins.service.js';
import { LoginLimits, networkOf, type Attempt } from './login-limits.js';
import { passwordMatches } from './passwords.js';
import { rememberNetwork } from './sign-in-networks.js';
import { SESSION_COOKIE, sessionCookie, sessionCookieOptions } from './session-cookie.js';
import { SESSION_DAYS } from './sessions.js';
import { findSessionHolder } from './sessions.store.js';
import type { SignedInView } from './sign-in.dto.js';

type UserRow = { id: string; email: string; password_hash: string; known: boolean };

/**
 * A user by e-mail address, and whether they signed in from a network before. The address as it was typed finds
 * accounts of earlier releases, which kept other spellings, and comes first: nobody takes such an account's place by
 * signing up with the one spelling.
 */
const USER = `select id, email, password_hash, exists (select 1 from sign_in_networks n where n.user_id = users.id
  and n.network = $2) as known
  from users where lower(email) in ($1, lower($3)) order by lower(email) = lower($3) desc limit 1`;

type ReadToken = (request: IncomingMessage) => string | undefined;

/**
 * A bearer token of the Authorization header (RFC 6750, 2.1). RFC 6750's other two places, body and query, end up in
 * logs, so they are not read.
 */
const fromHeader: ReadToken = ({ headers }) => /^Bearer +([A-Za-z0-9_]+)$/i.exec(headers.authorization ?? '')?.[1];

/**
 * Whether a page of this installation sent a request. Browsers name the page's origin, but not when the page reads from
 * its own origin: then they say so in Sec-Fetch-Site, or, over plain http, the page sends a header that pages of other
 * origins can't send without a CORS permission.
 */
const isFromOwnPage = ({ method, headers }: IncomingMessage, publicUrl: string): boolean => {
  if (headers.origin !== undefined) return headers.origin === new URL(publicUrl).origin;
  return (
    (method === 'GET' || method === 'HEAD') &&
    (headers['sec-fetch-site'] === 'same-origin' || headers['x-toolgate-console'] === '1')
  );
};

/** The session cookie, which counts only when a page of this installation sent the request. */
const fromCookie =
  (publicUrl: () => string): ReadToken =>
  (request) =>
    isFromOwnPage(request, publicUrl()) ? sessionCookie(request.headers.cookie) : undefined;

/**
 * Makes a check whether a member whose e-mail is in `operators` sends a request, by bearer or cookie; API keys have no
 * e-mail. The check rejects when the database does not answer.
 */
export const makeOperatorCheck = (
  db: Database,
  publicUrl: () => string,
  operators: readonly string[],
): ((request: IncomingMessage) => Promise<boolean>) => {
  const byCookie = fromCookie(publicUrl);
  return async (request) => {
    if (operators.length === 0) return false;
    const token = request.headers.authorization === undefined ? byCookie(request) : fromHeader(request);
    const holder = token === undefined ? undefined : await findSessionHolder(db, token);
    return operators.includes(holder?.actor.name?.toLowerCase() ?? '');
  };
};

/**
 * Signs in the holder of a token. No `#fields`: Passport authenticates on an object that only inherits from the
 * strategy.
 */
class TokenStrategy extends passport.Strategy {
  constructor(
    private readonly read: ReadToken,
    private readonly find: (token: string) => Promise<Holder | undefined>,
  ) {
    super();
  }

  override authenticate(request: Request): void {
    const token = this.read(request);
    if (token === undefined) this.fail(401);
    else
      this.find(token).then(
        (holder) => (holder ? this.success(holder) : this.fail(401)),
        (error: unknown) => this.error(error),
      );
  }
}

/**
 * Finds who sends a request, by Passport's strategies `local`, `bearer` and `cookie`. Passport's sessions are not used:
 * Toolgate's are tokens in the database.
 */
@Injectable()
export class SignInService {
  @Inject(Vault) private readonly vault!: Vault;
  readonly #db: Database;
  readonly #publicUrl: () => string;
  readonly #limits: LoginLimits;
  readonly #failures: FailedSignInsService;
  readonly #passport = new passport.Passport();

  constructor(
    db: Database,
    limits: LoginLimits,
    failures: FailedSignInsService,
    @Inject(PUBLIC_URL) publicUrl: () => string,
  ) {
    this.#failures = failures;
    this.#db = db;
    this.#limits = limits;
    this.#publicUrl = publicUrl;
    this.#passport.use(
      'bearer',
      new TokenStrategy(
        fromHeader,
        async (token) => (await findSessionHolder(db, token)) ?? findApiKeyHolder(db, token),
      ),
    );
    this.#passport.use('cookie', new TokenStrategy(fromCookie(publicUrl), (token) => findSessionHolder(db, token)));
    this.#passport.use(
      new LocalStrategy({ usernameField: 'email', passReqToCallback: true }, (request, email, password, done) => {
        const { code } = request.body as Readonly<{ code?: string }>;
        this.checkPassword({ target: email, address: request.ip ?? '' }, password, { code }).then(
          (verified) => done(null, verified ?? false),
          done,
        );
      }),
    );
  }

  /** The holder of the request's credential; an Authorization header, also a wrong one, wins over the cookie. */
  findHolder(request: Request, response: Response): Promise<Holder | undefined> {
    return this.#authenticate<Holder>(
      request.headers.authorization === undefined ? 'cookie' : 'bearer',
      request,
      response,
    );
  }

  /** The user whose e-mail and password are in the request's body, which must have been validated. */
  findUser(request: Request, response: Response): Promise<Verified | undefined> {
    return this.#authenticate<Verified>('local', request, response);
  }

  /**
   * The user of an e-mail address (the attempt's target) and password; undefined when either is wrong, after the same
   * time. Who has a second factor is asked for its code too, unless they are signed in.
   * @throws Problem too_many_requests after too many failures, or when too many wait; second_factor_needed without a
   * code, unauthorized with a wrong one
   */
  async checkPassword(
    { target: typed, address }: Attempt,
    password: string,
    secondFactor: Readonly<{ code?: string | undefined }> | 'password_alone',
  ): Promise<Verified | undefined> {
    const attempt = { target: canonicalEmail(typed), address };
    await this.#limits.admit(attempt);
    const { rows } = await this.#db.signIn.query<UserRow>(USER, [attempt.target, networkOf(address), typed]);
    const row = rows[0];
    const judged = { ...attempt, known: row?.known ?? false };
    await this.#limits.admit(judged);
    const guards = { admit: () => this.#limits.admit(judged), failed: () => this.#limits.failed(judged) };
    const right = await passwordMatches(row?.password_hash, password, {
      kind: 'login',
      address: attempt.address,
      ...guards,
    });
    if (row && !right) this.#failures.note(row, attempt.address);
    if (!row || !right) return undefined;
    if (secondFactor !== 'password_alone')
      await this.#requireCode(row.id, secondFactor.code, async () => {
        this.#failures.note(row, attempt.address);
        await guards.failed();
      });
    await this.#limits.succeeded(judged);
    await rememberNetwork(
      { query: (text, values) => this.#db.signIn.query(text, values as unknown[]) },
      row.id,
      attempt.address,
    );
    return { user: { id: row.id, email: row.email }, passwordHash: row.password_hash };
  }

  async #requireCode(userId: string, code: string | undefined, failed: () => Promise<void>): Promise<void> {
    const factor = await loadSecondFactor(this.#db.signIn, this.vault, userId);
    if (!factor?.isConfirmed) return;
    if (code === undefined)
      throw new Problem('second_factor_needed', 'Send the code that your authenticator shows, or a recovery code.');
    if (await useCode(this.#db.signIn, userId, { secret: factor.secret, code, now: new Date() })) return;
    await failed();
    throw new Problem('unauthorized', 'The code is wrong or was used. Send the one that your authenticator shows now.');
  }

  /** Sets the session cookie of who just signed in, for browsers; passes the view on. */
  setCookie(response: Response, signedIn: SignedInView): SignedInView {
    response.cookie(SESSION_COOKIE, signedIn.token, {
      ...sessionCookieOptions(this.#publicUrl()),
      maxAge: SESSION_DAYS * 86_400_000,
    });
    return signedIn;
  }

  clearCookie(response: Response): void {
    response.clearCookie(SESSION_COOKIE, sessionCookieOptions(this.#publicUrl()));
  }

  #authenticate<T>(
    strategy: 'local' | 'bearer' | 'cookie',
    request: Request,
    response: Response,
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const answer = (error: unknown, holder?: object | false | null): void =>
        error ? reject(error) : resolve(holder ? (holder as T) : undefined);
      this.#passport.authenticate(strategy, { session: false }, answer)(request, response, reject);
    });
  }
}
