import { expect } from 'vitest';
import { call, join, newEmail, PASSWORD, signUp, type Answer, type Person } from './client.js';
import { productTest } from '../../support/product-test.js';
import { scaled } from '../../support/scaled.js';

/** FAULTS=full runs as many as the product promises; the rest is for every day. */
const DEMOTIONS = process.env['FAULTS'] === 'full' ? 1000 : scaled(40, 10);
const REMOVALS = Math.ceil(DEMOTIONS / 20);

const { test, toolgate } = productTest();
let admin: Person;
test.beforeAll(async () => {
  admin = await signUp(toolgate.url);
});

const as = (token: string, what: string, body?: unknown): Promise<Answer> =>
  call(toolgate.url, what, { token, ...(body === undefined ? {} : { body }) });

/**
 * What somebody who is about to lose their rights sends at once: to get them back, to leave a way in, and to change
 * something else.
 */
const grab = (token: string, userId: string): Promise<readonly Answer[]> =>
  Promise.all([
    as(token, `PATCH /v1/members/${userId}`, { role: 'admin' }),
    as(token, 'POST /v1/invitations', { email: newEmail(), role: 'admin' }),
    as(token, 'POST /v1/api-keys', { name: 'way in', role: 'admin' }),
    as(token, `PATCH /v1/members/${userId}`, { role: 'admin' }),
    as(token, 'POST /v1/identities', { name: 'agent', kind: 'agent' }),
  ]);

type Lost = Readonly<{ event: string; stream: string; actor: string }>;

/** What the actor changed after the event by which it lost its rights last. */
const changedAfter = async ({ event, stream, actor }: Lost): Promise<readonly string[]> => {
  const { rows } = await toolgate.db.worker.query<{ type: string }>(
    `select type from events where organization_id = $1 and event->'actor'->>'id' = $4
       and position > (select max(position) from events where organization_id = $1 and type = $2 and stream_id = $3)
         order by position`,
    [admin.organization.id, event, stream, actor],
  );
  return rows.map(({ type }) => type);
};

const tally: Record<'done' | 'refused', number> = { done: 0, refused: 0 };

const count = (answers: readonly Answer[]): void => {
  for (const { status } of answers) {
    expect([200, 201, 401, 403], String(status)).toContain(status);
    tally[status < 300 ? 'done' : 'refused'] += 1;
  }
};

/** Resolves to the number of changes that came after the loss of the rights to make them. */
const race = async (grabbing: Promise<readonly Answer[]>, taking: Promise<Answer>, lost: Lost): Promise<number> => {
  const [answers, taken] = await Promise.all([grabbing, taking]);
  expect(taken.status).toBeLessThan(300);
  count(answers);
  return (await changedAfter(lost)).length;
};

test(
  `of requests on their way, none succeeds after the demotion of who sent them (${DEMOTIONS} demotions)`,
  { timeout: 900_000 },
  async () => {
    const { token, user } = await join(toolgate.url, admin, 'viewer');
    const path = `/v1/members/${user.id}`;
    let [late, again] = [0, 0];
    for (let round = 0; round < DEMOTIONS; round += 1) {
      await as(admin.token, `PATCH ${path}`, { role: 'admin' });
      late += await race(grab(token, user.id), as(admin.token, `PATCH ${path}`, { role: 'viewer' }), {
        event: 'member.roleChanged',
        stream: user.id,
        actor: user.id,
      });
      if ((await as(token, 'GET /v1/me')).body.role !== 'viewer') again += 1;
    }
    console.log(
      `${DEMOTIONS} demotions against ${5 * DEMOTIONS} requests in flight: ${late} succeeded after, ${again} ` +
        `members were admin again (${tally.done} were done before, ${tally.refused} refused)`,
    );
    expect([late, again]).toEqual([0, 0]);
    expect(tally.refused).toBeGreaterThan(0);
  },
);

test(
  `of requests on their way, none succeeds after the removal of who sent them (${REMOVALS} removals)`,
  { timeout: 900_000 },
  async () => {
    for (let round = 0; round < REMOVALS; round += 1) {
      const { token, user } = await join(toolgate.url, admin, 'admin');
      const login = call(toolgate.url, 'POST /v1/login', { body: { email: user.email, password: PASSWORD } });
      expect(
        await race(grab(token, user.id), as(admin.token, `DELETE /v1/members/${user.id}`), {
          event: 'member.removed',
          stream: user.id,
          actor: user.id,
        }),
      ).toBe(0);
      await login;
      expect((await toolgate.db.worker.query('select 1 from sessions where user_id = $1', [user.id])).rows).toEqual([]);
      expect(
        (
          await toolgate.db.worker.query(
            `select 1 from api_keys k join events e on e.stream_id = k.id where e.event->'actor'->>'id' = $1`,
            [user.id],
          )
        ).rows,
      ).toEqual([]);
    }
  },
);

test(
  `of requests on their way, none succeeds after the deletion of the API key that sent them (${DEMOTIONS / 2} keys)`,
  { timeout: 900_000 },
  async () => {
    const { user } = await join(toolgate.url, admin, 'viewer');
    for (let round = 0; round < DEMOTIONS / 2; round += 1) {
      const { id, secret } = (await as(admin.token, 'POST /v1/api-keys', { name: 'doomed', role: 'admin' })).body;
      expect(
        await race(grab(secret, user.id), as(admin.token, `DELETE /v1/api-keys/${id}`), {
          event: 'apiKey.revoked',
          stream: id,
          actor: id,
        }),
      ).toBe(0);
    }
  },
);
