import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import {
  endTurn,
  enlistServers,
  hastenTurn,
  takeTurns,
  type DiscoveryTurn,
} from '../../../src/control-plane/servers/tools/discovery-turns.js';
import { open, type Opened } from '../audit/audit-support.js';

let at: Opened;
let owner: pg.Client;
beforeAll(async () => {
  at = await open();
  owner = new pg.Client({ connectionString: at.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await at.close();
});

type Kind = Readonly<{ type: 'stdio' | 'sse' | 'streamable-http'; eras?: readonly string[]; status?: string }>;

/** A server that a grant can call, last called `usedMinutesAgo`, whose newest turn was `turnMinutesAgo`. */
const server = async (
  { type, eras = ['legacy'], status = 'ready' }: Kind,
  {
    organizationId = newId('org'),
    usedMinutesAgo,
    turnMinutesAgo = 120,
  }: Readonly<{
    organizationId?: string;
    usedMinutesAgo?: number;
    turnMinutesAgo?: number;
  }> = {},
): Promise<Readonly<{ organizationId: string; serverId: string }>> => {
  const [serverId, grantId] = [newId('srv'), newId('grt')];
  await owner.query(
    `insert into servers(organization_id, id, version, name, transport, auth, client_auth, status, disabled, tools,
      created_at, eras) values ($1, $2, 1, 'one', $3, '{}', 'token', $4, false, '[]', now(), $5)`,
    [organizationId, serverId, { type }, status, eras],
  );
  await owner.query(
    `insert into grants(organization_id, id, version, identity_id, server_id, created_at, issued_by)
      values ($1, $2, 1, 'idn_1', $3, now(), '{}')`,
    [organizationId, grantId, serverId],
  );
  if (usedMinutesAgo !== undefined)
    await owner.query(
      'insert into grant_last_used(organization_id, grant_id, last_used_at) values ($1, $2, ' +
        'now() - make_interval(mins => $3))',
      [organizationId, grantId, usedMinutesAgo],
    );
  await enlistServers(at.db);
  await owner.query(
    `update discovery_turns set taken_at = now() - make_interval(mins => $2),
      due_at = case when due_at < 'infinity' then now() else due_at end where server_id = $1`,
    [serverId, turnMinutesAgo],
  );
  return { organizationId, serverId };
};

const minutesUntilDue = async (serverId: string): Promise<number> =>
  (
    await owner.query<{ minutes: number }>(
      `select case when due_at = 'infinity' then 'infinity'::float8
        else round(extract(epoch from due_at - now()) / 60)::float8 end as minutes
        from discovery_turns where server_id = $1`,
      [serverId],
    )
  ).rows[0]?.minutes ?? Number.NaN;

const take = (
  stdio: boolean,
  limit = 10,
  busyOrganizations: readonly string[] = [],
): Promise<readonly DiscoveryTurn[]> => takeTurns(at.db, { stdio, limit, busyOrganizations });

const http = { type: 'streamable-http' } as const;

test.each([
  ['a command that nobody used is never started by a timer', { type: 'stdio' }, {}, Infinity],
  [
    'a command that was used is started at most hourly',
    { type: 'stdio' },
    { usedMinutesAgo: 1, turnMinutesAgo: 20 },
    40,
  ],
  [
    'a command whose last turn was over an hour ago is due once it is used',
    { type: 'stdio' },
    { usedMinutesAgo: 1 },
    0,
  ],
  [
    'a command is not started again for a use before its last turn',
    { type: 'stdio' },
    { usedMinutesAgo: 150 },
    Infinity,
  ],
  ['a session server gets no session beside those of clients', http, { usedMinutesAgo: 5 }, Infinity],
  ['a session server is due once no client has called for half an hour', http, { usedMinutesAgo: 40 }, 0],
  ['an SSE server gets no connection beside those of clients', { type: 'sse' }, { usedMinutesAgo: 5 }, Infinity],
  ['an SSE server that could not be reached is asked on a timer', { type: 'sse', status: 'unreachable' }, {}, 0],
  ['a modern server, where asking opens nothing, is asked on a timer', { ...http, eras: ['modern'] }, {}, 0],
] as const)('%s', async (_name, kind, use, minutes) => {
  const { serverId } = await server(kind, use);
  await enlistServers(at.db);
  expect(await minutesUntilDue(serverId)).toBe(minutes);
});

test('a turn that ended leaves a session server without a next one, unless one was requested meanwhile', async () => {
  const asked = await server(http, { usedMinutesAgo: 40 });
  await enlistServers(at.db);
  const [turn] = (await take(false, 100)).filter(({ serverId }) => serverId === asked.serverId);
  if (!turn) throw new Error('the turn was not due');
  await endTurn(at.db, turn, true);
  expect(await minutesUntilDue(asked.serverId)).toBe(Infinity);
  await hastenTurn(at.db, asked);
  await owner.query(`update discovery_turns set due_at = now() where server_id = $1`, [asked.serverId]);
  const [again] = (await take(false, 100)).filter(({ serverId }) => serverId === asked.serverId);
  await hastenTurn(at.db, asked);
  if (again) await endTurn(at.db, again, false);
  expect(await minutesUntilDue(asked.serverId)).toBeLessThan(1);
});

test(
  'commands and other servers take their turns apart, and not for organizations that have enough ' + 'of them',
  async () => {
    await owner.query('delete from discovery_turns');
    const [command, url] = [await server({ type: 'stdio' }), await server(http)];
    for (const one of [command, url]) await hastenTurn(at.db, one);
    expect(await take(true, 10, [command.organizationId])).toEqual([]);
    expect(await take(true)).toMatchObject([command]);
    expect(await take(false)).toMatchObject([url]);
  },
);

test(
  'Of many servers of one organization that are due for discovery, the next round takes some, and ' +
    'those of other organizations too',
  async () => {
    await owner.query('delete from discovery_turns');
    const [loud, quiet] = [newId('org'), newId('org')];
    for (let count = 0; count < 10; count += 1) await hastenTurn(at.db, await server(http, { organizationId: loud }));
    await hastenTurn(at.db, await server(http, { organizationId: quiet }));
    expect((await take(false, 4)).map(({ organizationId }) => organizationId).toSorted()).toEqual(
      [loud, loud, quiet].toSorted(),
    );
    expect((await take(false, 4)).map(({ organizationId }) => organizationId)).toEqual([loud, loud]);
  },
);
