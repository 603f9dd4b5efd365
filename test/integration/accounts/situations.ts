import type { Database } from '../../../src/platform/postgres/database.js';
import { earlierCode } from '../../support/authenticator.js';
import { call, join, newEmail, PASSWORD, signUp, type Answer, type Person } from './client.js';

/** Where a situation is brought about. */
export type World = Readonly<{ url: string; db: Database }>;

/** What happens, as the end of "an account …", what the API answers in the end, and how to bring it about. */
export type Situation = readonly [name: string, answer: unknown, bringAbout: (at: Steps) => Promise<unknown>];

const NEW_PASSWORD = 'another battery staple';

/** What people do, in one word each. */
export const stepsAt = ({ url, db }: World) => {
  const as = ({ token }: Readonly<{ token: string }>, what: string, body?: unknown): Promise<Answer> =>
    call(url, what, { token, body });
  const anyone = (what: string, body: unknown): Promise<Answer> => call(url, what, { body });
  return {
    db,
    as,
    anyone,
    person: (email?: string) => signUp(url, email),
    joined: (admin: Person, role = 'viewer', email?: string) => join(url, admin, role, email),
    invited: async (by: Readonly<{ token: string }>, email: string, role = 'viewer'): Promise<string> =>
      (await as(by, 'POST /v1/invitations', { email, role })).body.token as string,
    accept: async (token: string, password = PASSWORD): Promise<number> =>
      (await anyone('POST /v1/invitations/accept', { token, password })).status,
    login: (email: string, password = PASSWORD, more = {}): Promise<Answer> =>
      anyone('POST /v1/login', { email, password, ...more }),
    key: async (by: Person, role = 'admin'): Promise<Readonly<{ id: string; token: string }>> => {
      const { body } = await as(by, 'POST /v1/api-keys', { name: 'ci', role });
      return { id: body.id as string, token: body.secret as string };
    },
    me: async (who: Readonly<{ token: string }>): Promise<number> => (await as(who, 'GET /v1/me')).status,
    remove: async (by: Readonly<{ token: string }>, whom: Person): Promise<number> =>
      (await as(by, `DELETE /v1/members/${whom.user.id}`)).status,
    setRole: async (by: Person, whom: Person, role: string): Promise<number> =>
      (await as(by, `PATCH /v1/members/${whom.user.id}`, { role })).status,
    link: async (by: Person, whom: Person): Promise<string> =>
      (await as(by, `POST /v1/members/${whom.user.id}/password-reset`)).body.token as string,
    reset: async (token: string, password = NEW_PASSWORD): Promise<number> =>
      (await anyone('POST /v1/password-reset/confirm', { token, password })).status,
    register: async (email: string): Promise<number> =>
      (await anyone('POST /v1/signup', { email, password: PASSWORD, organizationName: 'Example' })).status,
  };
};

export type Steps = ReturnType<typeof stepsAt>;

const invitations: readonly Situation[] = [
  [
    'invited twice joins by the newer invitation alone',
    [404, 201, 'viewer'],
    async (at) => {
      const [admin, email] = [await at.person(), newEmail()];
      const [older, newer] = [await at.invited(admin, email, 'admin'), await at.invited(admin, email)];
      const answers = [await at.accept(older), await at.accept(newer)];
      return [...answers, (await at.as((await at.login(email)).body, 'GET /v1/me')).body.role];
    },
  ],
  [
    'invited twice, in capitals the second time, joins by the newer invitation alone',
    [404, 201],
    async (at) => {
      const [admin, email] = [await at.person(), newEmail()];
      const tokens = [await at.invited(admin, `ı${email}`), await at.invited(admin, `ı${email.toUpperCase()}`)];
      return [await at.accept(tokens[0] ?? ''), await at.accept(tokens[1] ?? '')];
    },
  ],
  [
    'invited once composed and once decomposed joins by the newer invitation alone',
    [404, 201],
    async (at) => {
      const admin = await at.person();
      const tokens = [await at.invited(admin, 'zoë@a.example'), await at.invited(admin, 'zoe\u0308@a.example')];
      return [await at.accept(tokens[0] ?? ''), await at.accept(tokens[1] ?? '')];
    },
  ],
  [
    'invited by its domain in Unicode and then in ASCII joins by the newer invitation alone',
    [404, 201],
    async (at) => {
      const admin = await at.person();
      const tokens = [
        await at.invited(admin, 'ada@bücher.example'),
        await at.invited(admin, 'ada@xn--bcher-kva.example'),
      ];
      return [await at.accept(tokens[0] ?? ''), await at.accept(tokens[1] ?? '')];
    },
  ],
  [
    'that accepts twice joins once',
    [201, 404],
    async (at) => {
      const token = await at.invited(await at.person(), newEmail());
      return [await at.accept(token), await at.accept(token)];
    },
  ],
  [
    'whose invitation was withdrawn does not join',
    404,
    async (at) => {
      const admin = await at.person();
      const { body } = await at.as(admin, 'POST /v1/invitations', { email: newEmail(), role: 'viewer' });
      await at.as(admin, `DELETE /v1/invitations/${body.id}`);
      return at.accept(body.token as string);
    },
  ],
  [
    'whose invitation has expired does not join',
    404,
    async (at) => {
      const { body } = await at.as(await at.person(), 'POST /v1/invitations', { email: newEmail(), role: 'viewer' });
      await at.db.worker.query('update invitations set expires_at = now() where id = $1', [body.id]);
      return at.accept(body.token as string);
    },
  ],
  [
    'that accepts an old invitation after it was removed stays out',
    404,
    async (at) => {
      const admin = await at.person();
      const member = await at.joined(admin);
      await at.remove(admin, member);
      const again = await at.invited(admin, member.user.email);
      await at.accept(again);
      await at.remove(admin, member);
      return at.accept(again);
    },
  ],
  [
    'invited by an admin who was removed since does not join',
    404,
    async (at) => {
      const admin = await at.person();
      const leaver = await at.joined(admin, 'admin');
      const token = await at.invited(leaver, newEmail(), 'admin');
      await at.remove(admin, leaver);
      return at.accept(token);
    },
  ],
  [
    'invited by an admin who was demoted since does not join',
    404,
    async (at) => {
      const admin = await at.person();
      const demoted = await at.joined(admin, 'admin');
      const token = await at.invited(demoted, newEmail());
      await at.setRole(admin, demoted, 'policy_manager');
      return at.accept(token);
    },
  ],
  [
    'invited with an API key that was deleted since does not join',
    404,
    async (at) => {
      const admin = await at.person();
      const key = await at.key(admin);
      const token = await at.invited(key, newEmail());
      await at.as(admin, `DELETE /v1/api-keys/${key.id}`);
      return at.accept(token);
    },
  ],
  [
    'invited to a second organization needs the password that it has',
    [401, 201],
    async (at) => {
      const [person, host] = [await at.person(), await at.person()];
      const token = await at.invited(host, person.user.email);
      return [await at.accept(token, NEW_PASSWORD), await at.accept(token)];
    },
  ],
  [
    'of a member is not invited again',
    409,
    async (at) => {
      const admin = await at.person();
      const { email } = (await at.joined(admin)).user;
      return (await at.as(admin, 'POST /v1/invitations', { email: email.toUpperCase(), role: 'admin' })).status;
    },
  ],
  [
    'that was removed and is invited again is the same person with the new role alone',
    [true, 'viewer'],
    async (at) => {
      const admin = await at.person();
      const member = await at.joined(admin, 'admin');
      await at.remove(admin, member);
      const back = await at.joined(admin, 'viewer', member.user.email);
      return [back.user.id === member.user.id, (await at.as(back, 'GET /v1/me')).body.role];
    },
  ],
];

const spellings: readonly Situation[] = [
  [
    'signs in by its address in capitals, where a locale lowers them in its own way',
    [200, 409],
    async (at) => {
      await at.person('INGRID.IVI@EXAMPLE.COM');
      return [(await at.login('ingrid.ivi@example.com')).status, await at.register('Ingrid.Ivi@example.com')];
    },
  ],
  [
    'has one address, with capitals beyond ASCII or without',
    [200, 409],
    async (at) => {
      await at.person('jörg@example.com');
      return [(await at.login('JÖRG@example.com')).status, await at.register('JÖRG@EXAMPLE.com')];
    },
  ],
  [
    'has one address, composed or decomposed',
    [200, 409],
    async (at) => {
      await at.person('bjo\u0308rn@example.com');
      return [(await at.login('björn@example.com')).status, await at.register('björn@example.com')];
    },
  ],
  [
    'has one address, its domain in Unicode or in ASCII',
    [200, 409],
    async (at) => {
      await at.person('ada@xn--exmple-cua.example');
      return [(await at.login('ada@exämple.example')).status, await at.register('Ada@EXÄMPLE.example')];
    },
  ],
  [
    'whose address differs by the dot of an i is another account',
    201,
    async (at) => {
      await at.person('ilk@dots.example');
      return at.register('ılk@dots.example');
    },
  ],
  [
    'signs in with its password from a keyboard that decomposes',
    200,
    async (at) => {
      const [email, password] = [newEmail(), 'pässwörd sécret'];
      await at.anyone('POST /v1/signup', { email, password, organizationName: 'Example' });
      return (await at.login(email, password.normalize('NFD'))).status;
    },
  ],
  [
    'is found in the list of members by a part of its address in capitals',
    1,
    async (at) => {
      const admin = await at.person();
      await at.joined(admin, 'viewer', `iris.finder.${newEmail()}`);
      return (await at.as(admin, 'GET /v1/members?q=IRIS.FINDER')).body.items.length;
    },
  ],
];

const rights: readonly Situation[] = [
  [
    'demoted while signed in has its new role at the next request',
    [200, 403, 200],
    async (at) => {
      const admin = await at.person();
      const member = await at.joined(admin, 'admin');
      const list = async (): Promise<number> => (await at.as(member, 'GET /v1/members')).status;
      const before = await list();
      await at.setRole(admin, member, 'viewer');
      return [before, await list(), await at.me(member)];
    },
  ],
  [
    'removed while signed in is signed out, and does not sign in',
    [401, 401],
    async (at) => {
      const admin = await at.person();
      const member = await at.joined(admin);
      await at.remove(admin, member);
      return [await at.me(member), (await at.login(member.user.email)).status];
    },
  ],
  [
    'of the last admin neither leaves nor becomes something else',
    [409, 409, 200],
    async (at) => {
      const admin = await at.person();
      await at.joined(admin);
      return [await at.remove(admin, admin), await at.setRole(admin, admin, 'viewer'), await at.me(admin)];
    },
  ],
  [
    'of one of two admins leaves, and the other stays as the last',
    [204, 409],
    async (at) => {
      const admin = await at.person();
      const other = await at.joined(admin, 'admin');
      return [await at.remove(admin, admin), await at.remove(other, other)];
    },
  ],
  [
    'of two last admins who demote each other at once leaves one admin',
    [1, 1],
    async (at) => {
      const admin = await at.person();
      const other = await at.joined(admin, 'admin');
      const answers = await Promise.all([at.setRole(admin, other, 'viewer'), at.setRole(other, admin, 'viewer')]);
      const lists = await Promise.all([admin, other].map((one) => at.as(one, 'GET /v1/members')));
      return [answers, lists.map(({ status }) => status)].map((all) => all.filter((status) => status === 200).length);
    },
  ],
  [
    'removed from one of its organizations stays signed in to the other',
    [200, 401, 401],
    async (at) => {
      const [person, host] = [await at.person(), await at.person()];
      const there = await at.joined(host, 'viewer', person.user.email);
      await at.remove(host, person);
      const { status } = await at.login(person.user.email, PASSWORD, { organizationId: host.organization.id });
      return [await at.me(person), await at.me(there), status];
    },
  ],
  [
    'signs in to no organization that it is not a member of',
    401,
    async (at) => {
      const [person, other] = [await at.person(), await at.person()];
      return (await at.login(person.user.email, PASSWORD, { organizationId: other.organization.id })).status;
    },
  ],
];

const credentials: readonly Situation[] = [
  [
    'whose API key was deleted has neither it nor the key that it made, and cannot delete it twice',
    [204, 404, 401, 401],
    async (at) => {
      const admin = await at.person();
      const key = await at.key(admin);
      const made = await at.as(key, 'POST /v1/api-keys', { name: 'made', role: 'viewer' });
      const end = async (): Promise<number> => (await at.as(admin, `DELETE /v1/api-keys/${key.id}`)).status;
      return [await end(), await end(), await at.me(key), await at.me({ token: made.body.secret as string })];
    },
  ],
  [
    'that was removed takes the API keys that it made along',
    [200, 401],
    async (at) => {
      const admin = await at.person();
      const leaver = await at.joined(admin, 'admin');
      const key = await at.key(leaver);
      const before = await at.me(key);
      await at.remove(admin, leaver);
      return [before, await at.me(key)];
    },
  ],
  [
    'with an API key below admin invites nobody',
    403,
    async (at) => {
      const key = await at.key(await at.person(), 'policy_manager');
      return (await at.as(key, 'POST /v1/invitations', { email: newEmail(), role: 'viewer' })).status;
    },
  ],
  [
    'whose password an admin resets twice takes the first link that it uses, and no other',
    [200, 404, 404, 200],
    async (at) => {
      const admin = await at.person();
      const member = await at.joined(admin);
      const [first, second] = [await at.link(admin, member), await at.link(admin, member)];
      const answers = [await at.reset(second), await at.reset(second), await at.reset(first)];
      return [...answers, (await at.login(member.user.email, NEW_PASSWORD)).status];
    },
  ],
  [
    'with a link of an admin who was demoted since keeps its password',
    [404, 200],
    async (at) => {
      const admin = await at.person();
      const [demoted, member] = [await at.joined(admin, 'admin'), await at.joined(admin)];
      const token = await at.link(demoted, member);
      await at.setRole(admin, demoted, 'viewer');
      return [await at.reset(token), (await at.login(member.user.email)).status];
    },
  ],
  [
    'that changes its password is signed out everywhere else',
    [401, 200, 401],
    async (at) => {
      const person = await at.person();
      const elsewhere = (await at.login(person.user.email)).body as Person;
      const changed = await at.as(person, 'POST /v1/me/password', { current: PASSWORD, password: NEW_PASSWORD });
      const { status } = await at.login(person.user.email);
      return [await at.me(elsewhere), await at.me(changed.body as Person), status];
    },
  ],
  [
    'signed out twice is told that nobody is signed in',
    [204, 401],
    async (at) => {
      const person = await at.person();
      const logout = async (): Promise<number> => (await at.as(person, 'POST /v1/logout')).status;
      return [await logout(), await logout()];
    },
  ],
  [
    'signs in by a recovery code once, and by its password alone not at all',
    ['second_factor_needed', 200, 401],
    async (at) => {
      const person = await at.person();
      const { body } = await at.as(person, 'POST /v1/me/totp', { current: PASSWORD });
      const confirmed = await at.as(person, 'POST /v1/me/totp/confirm', { code: await earlierCode(body.secret) });
      const login = (more = {}): Promise<Answer> => at.login(person.user.email, PASSWORD, more);
      const [code] = confirmed.body.recoveryCodes as readonly string[];
      return [(await login()).body.code, (await login({ code })).status, (await login({ code })).status];
    },
  ],
  [
    'rotates a grant twice within its grace, and each token lives as it was promised',
    [false, false, true],
    async (at) => {
      const admin = await at.person();
      const made = async (what: string, body: unknown) => (await at.as(admin, what, body)).body;
      const transport = { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' };
      const server = await made('POST /v1/servers', { name: 'Server', transport });
      const identity = await made('POST /v1/identities', { name: 'bot', kind: 'agent' });
      const grant = await made('POST /v1/grants', { identityId: identity.id, serverId: server.id });
      const rotate = (graceSeconds: number) => made(`POST /v1/grants/${grant.id}/rotate`, { graceSeconds });
      const [second, third] = [await rotate(3600), await rotate(3600)];
      await rotate(0);
      const isRefused = async ({ token }: Readonly<{ token: string }>): Promise<boolean> =>
        (await fetch(grant.mcpUrl, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '{}' }))
          .status === 401;
      return [await isRefused(grant), await isRefused(second), await isRefused(third)];
    },
  ],
];

/** What happens to accounts, and the right answer, which is the same on every database. */
export const SITUATIONS: readonly Situation[] = [...invitations, ...spellings, ...rights, ...credentials];
