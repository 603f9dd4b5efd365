import { Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Client, Interaction, Provider } from 'oidc-provider/lib/provider.js';
import { Database } from '../../platform/postgres/database.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { PUBLIC_URL } from '../../platform/runtime/parts.js';
import { Problem, problems } from '../../platform/runtime/problems.js';
import { EventStore } from '../../record/event-store/event-store.js';
import { SessionsService } from '../accounts/sessions.service.js';
import { SignInService } from '../accounts/sign-in.service.js';
import { csrfToken, isSameText, readOwnForm, safeNext } from './forms.js';
import { isLocalOnly, shownRedirect } from './issuer.js';
import { findMember } from './member.js';
import { serverOfResource } from './metadata.js';
import { OauthService } from './oauth.service.js';
import { riskGroupsOf } from './risk-groups.js';
import { SignInsService } from './sign-ins.service.js';
import { findSignInServer, type SignInServer } from './sign-ins.store.js';

type Asked = Readonly<{
  provider: Provider;
  interaction: Interaction;
  client: Client;
  server: SignInServer;
}>;

const TOO_LATE =
  'This sign-in has expired, or was begun in another browser. Go back to the client, and begin it there again.';

/** Where the answer of a member may lead to: the client's redirect URI, as a source of a content security policy. */
const formActionOf = (redirect: string): string => {
  const { protocol, origin } = new URL(redirect);
  return protocol === 'https:' || protocol === 'http:' ? origin : protocol;
};

/** What members are asked while a client waits: who they are, and whether they let it in. */
@Injectable()
export class ConsentService {
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  @Inject(SignInService) private readonly accounts!: SignInService;
  @Inject(SessionsService) private readonly sessions!: SessionsService;
  @Inject(EventStore) private readonly store!: EventStore;
  readonly #oauth: OauthService;
  readonly #signIns: SignInsService;
  readonly #db: Database;
  readonly #csrfKey: Buffer;

  constructor(oauth: OauthService, signIns: SignInsService, db: Database, vault: Vault) {
    this.#oauth = oauth;
    this.#signIns = signIns;
    this.#db = db;
    this.#csrfKey = vault.purposeKey('oauth-consent');
  }

  /** Signs a member in, and leads on to what the client asks. */
  async signIn(request: Request, response: Response): Promise<void> {
    const form = await readOwnForm(request, this.publicUrl());
    const next = safeNext(form.get('next'));
    if (next === undefined) return this.#tooLate(request, response);
    const [email, password] = [form.get('email') ?? '', form.get('password') ?? ''];
    const code = form.get('code')?.trim();
    const again = (status: number, fault: string, wantsCode = code !== undefined): void =>
      this.#oauth.pages.signIn(request, response, { next, email, wantsCode, fault }, status);
    try {
      const address = request.ip ?? '';
      const attempt = { target: email.slice(0, 254), address };
      const verified = await this.accounts.checkPassword(attempt, password.slice(0, 1024), { ...(code && { code }) });
      if (!verified) return again(401, 'The email address or the password is wrong.');
      const organizationId = await this.#organizationOf(next);
      const signedIn = await this.sessions.open(verified, organizationId, address);
      if (!signedIn) return again(403, 'You are not a member of the organization that this server belongs to.');
      this.accounts.setCookie(response, signedIn);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const wantsCode = error.code === 'second_factor_needed' || code !== undefined;
      return again(problems[error.code].status, error.detail, wantsCode);
    }
    response.status(303).set({ location: next, 'cache-control': 'no-store' }).end();
  }

  /** Asks the member who is signed in. */
  async show(request: Request, response: Response): Promise<void> {
    const asked = await this.#asked(request, response);
    if (!asked) return this.#tooLate(request, response);
    const member = await this.#memberOf(request, response, asked.server);
    if (!member) return;
    const { interaction, client, server } = asked;
    const redirect = interaction.params['redirect_uri'] ?? '';
    const choices = await this.#signIns.choices(member, server.id);
    if (choices.length === 0 && member.role !== 'admin') return this.#withoutIdentity(request, response);
    const consent = {
      uid: interaction.uid,
      csrf: csrfToken(this.#csrfKey, interaction.uid, member.sessionId),
      client: {
        id: client.clientId,
        name: client.clientName ?? client.clientId,
        redirect: shownRedirect(redirect),
        isLocal: isLocalOnly(client),
      },
      server,
      member: member.actor.name ?? member.actor.id,
      identities: choices,
      groups: await riskGroupsOf(this.store, server),
    };
    this.#oauth.pages.consent(request, response, consent, formActionOf(redirect));
  }

  /** Takes the answer of the member. */
  async answer(request: Request, response: Response): Promise<void> {
    const form = await readOwnForm(request, this.publicUrl());
    const asked = await this.#asked(request, response);
    if (!asked) return this.#tooLate(request, response);
    const { provider, interaction, client, server } = asked;
    const member = await this.#memberOf(request, response, server);
    if (!member) return;
    const expected = csrfToken(this.#csrfKey, interaction.uid, member.sessionId);
    if (!isSameText(form.get('csrf') ?? '', expected)) return this.#tooLate(request, response);
    const result =
      form.get('answer') === 'allow'
        ? await this.#allow(member, asked, form.get('identity') ?? undefined)
        : { error: 'access_denied', error_description: 'the member did not allow it' };
    if ('consent' in result) await this.#oauth.records.keep('Client', client.clientId);
    await provider.interactionFinished(this.#passed(request), response, result, { mergeWithLastSubmission: false });
  }

  async #allow(member: Principal, { client, server }: Asked, identityId: string | undefined): Promise<object> {
    const grantId = await this.#signIns.allow(member, {
      server,
      client: { id: client.clientId, name: client.clientName ?? client.clientId },
      identityId,
    });
    return { login: { accountId: member.actor.id, remember: false }, consent: { grantId } };
  }

  /** The authorization that this browser began; undefined when it has ended, or is another's. */
  async #asked(request: Request, response: Response): Promise<Asked | undefined> {
    const provider = await this.#oauth.provider();
    const interaction = await provider.interactionDetails(this.#passed(request), response).catch(() => undefined);
    if (!interaction || !request.originalUrl.startsWith(`/oauth/consent/${interaction.uid}`)) return undefined;
    const [client, server] = await Promise.all([
      provider.Client.find(interaction.params['client_id'] ?? ''),
      this.#serverOf(interaction.params['resource'] ?? ''),
    ]);
    return client && server && { provider, interaction, client, server };
  }

  async #memberOf(
    request: Request,
    response: Response,
    server: SignInServer,
  ): Promise<(Principal & Readonly<{ sessionId: string }>) | undefined> {
    const member = await findMember(this.#db, request, request.ip ?? '');
    if (member?.organizationId === server.organizationId) return member;
    const next = request.originalUrl.replace(/\?.*$/, '');
    const fault = member && { fault: `The server belongs to ${server.organizationName}. Sign in there.` };
    this.#oauth.pages.signIn(request, response, { next, ...fault });
    return undefined;
  }

  #serverOf(resource: string): Promise<SignInServer | undefined> {
    const id = serverOfResource(this.#oauth.url(), resource);
    return id === undefined ? Promise.resolve(undefined) : findSignInServer(this.#db.signIn, id);
  }

  /** The organization whose server the client asks for. */
  async #organizationOf(next: string): Promise<string | undefined> {
    const resource = next.startsWith('/oauth/authorize?')
      ? new URLSearchParams(next.slice(next.indexOf('?') + 1)).get('resource')
      : await this.#resourceOf(next);
    return (await this.#serverOf(resource ?? ''))?.organizationId;
  }

  async #resourceOf(next: string): Promise<string | undefined> {
    const uid = next.slice('/oauth/consent/'.length);
    const record = await this.#oauth.records.find('Interaction', uid);
    const params = record?.payload['params'] as Readonly<Record<string, string>> | undefined;
    return params?.['resource'];
  }

  #passed(request: Request) {
    return this.#oauth.libraryRequest(request, { method: request.method, url: request.originalUrl });
  }

  #tooLate(request: Request, response: Response): void {
    this.#oauth.pages.refused(request, response, { error: 'expired', advice: TOO_LATE });
  }

  #withoutIdentity(request: Request, response: Response): void {
    const advice = 'Your organization gave you no identity to call servers as. Ask an administrator for one.';
    this.#oauth.pages.refused(request, response, { error: 'access_denied', advice }, 403);
  }
}
